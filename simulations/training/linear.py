"""The linear model on statistics: the cost of a step does not grow with the rows."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simulations.training.arguments import check_shapes, check_values
from simulations.training.model import Blocks, Model, Units
from simulations.training.result import Parameters
from theory.arguments import is_traced
from theory.linear.loss import task_losses
from theory.tasks import TaskStatistics


class LinearModel(Model):
    """`L_i = ‖X_iBA_i − y_i‖²`, with `θ_i = BA_i` as the outputs.

    Source: W eq 1 with linear `g`, eq 3.
    """

    statistics: TaskStatistics

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return self.statistics.moment.shape[-2]

    @property
    def dimension(self) -> int:
        """Number `d` of inputs."""
        return self.statistics.dimension

    @property
    def dtype(self) -> jnp.dtype:
        """Precision of the statistics."""
        return self.statistics.moment.dtype

    def check(self, draws: int = 0) -> None:
        """Refuse statistics whose shapes or values cannot be trained on.

        Raises:
            ValueError: Shapes do not fit; or a value that is known is not finite, is
                below zero on a diagonal or in `e_i`, or `√G_jj` or `√e` of all tasks
                is outside the range of `check_range`.
        """
        check_shapes(self.statistics, draws)
        if not is_traced(*jax.tree.leaves(self.statistics)):
            check_values(self.statistics)

    def outputs(self, point: Parameters) -> Float[Array, "k d"]:
        """`θ_i = BA_i`."""
        return point.heads @ point.shared.T

    def losses(self, outputs: Float[Array, "k d"]) -> Float[Array, " k"]:
        """`e_i − 2 g_iᵀθ_i + θ_iᵀG_iθ_i`."""
        return task_losses(self.statistics, outputs)

    def curvature(
        self, point: Parameters, weights: Float[Array, " k"], *, exact: bool
    ) -> Blocks:
        """`Σ_i 2α_i A_isA_it G_i`, `2α_i A_is G_iB_t + δ_st ψ_i`, `2α_i B_sᵀG_iB_t`.

        With `ψ_i = 2α_i(G_iθ_i − g_i)`, the gradient in `θ_i`, in the exact ones.
        """
        heads, twice = point.heads, 2 * weights
        pairs = jnp.einsum("k,ks,kt->stk", twice, heads, heads)
        shared = jnp.einsum("stk,kde->dset", pairs, self.statistics.gram)
        seen = twice[:, None, None] * jnp.einsum(
            "kde,er->kdr", self.statistics.gram, point.shared
        )
        mixed = jnp.einsum("ks,kdt->dskt", heads, seen)
        if exact:
            slope = jnp.einsum("kdr,kr->kd", seen, heads)
            slope = slope - twice[:, None] * self.statistics.moment
            used = jnp.any(point.shared != 0, axis=0)
            mixed = mixed + jnp.einsum(
                "kd,st->dskt", slope, jnp.diag(used.astype(slope.dtype))
            )
        return Blocks(shared, mixed, jnp.einsum("ds,kdt->kst", point.shared, seen))

    def scaled(self) -> tuple["LinearModel", Units]:
        """Columns of `X`, and labels, of unit norm over all tasks."""
        scaled, column = unit_columns(self.statistics)
        size = jnp.sqrt(jnp.sum(scaled.energy))
        label = jnp.where(size > 0, size, 1)
        return LinearModel(
            TaskStatistics(
                gram=scaled.gram,
                moment=scaled.moment / label,
                energy=scaled.energy / label**2,
                samples=scaled.samples,
            )
        ), Units(column, label)


def unit_columns(
    statistics: TaskStatistics,
) -> tuple[TaskStatistics, Float[Array, " d"]]:
    """Statistics of `XD`, and the diagonal of `D`: `B = DB'` for a module `B'` of `XD`.

    `D_jj = (Σ_i G_i,jj)^(-1/2)`, and 1 for a column of zeros.
    """
    size = jnp.sqrt(jnp.sum(jnp.diagonal(statistics.gram, axis1=1, axis2=2), axis=0))
    column = 1 / jnp.where(size > 0, size, 1)
    scaled = TaskStatistics(
        gram=statistics.gram * column[:, None] * column,
        moment=statistics.moment * column,
        energy=statistics.energy,
        samples=statistics.samples,
    )
    return scaled, column
