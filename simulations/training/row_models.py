"""ReLU and logistic models, on rows."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from simulations.training.model import Blocks, Model, Units
from simulations.training.result import Parameters
from simulations.training.row_curvature import (
    Unit,
    linear_unit,
    relu_unit,
    row_blocks,
    smooth_relu_unit,
)
from simulations.training.rows import Rows
from theory.arguments import is_traced
from theory.tasks import Tasks


class _RowModel(Model):
    """Outputs `u_n = Σ_s g(x_nᵀB_s) A_is`, for a row `n` of task `i`."""

    rows: Rows
    smoothing: Float[Array, "*draws"] | None = eqx.field(default=None, kw_only=True)

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return self.rows.owner.shape[-2]

    @property
    def dimension(self) -> int:
        """Number `d` of inputs."""
        return self.rows.covariates.shape[-2]

    @property
    def dtype(self) -> jnp.dtype:
        """Precision of the rows."""
        return self.rows.covariates.dtype

    @property
    def rectified(self) -> bool:
        """Whether `g(u) = max(u, 0)`; `g(u) = u` otherwise."""
        return True

    def check(self, draws: int = 0) -> None:
        """Refuse rows with other axes; `Rows.from_tasks` has seen their values.

        Raises:
            ValueError: Not `draws` axes before those of one problem.
        """
        found = self.rows.covariates.ndim - 2
        if found != draws:
            raise ValueError(
                f"the model has {found} axes of draws and needs {draws}: train takes "
                "one draw, and train_grid an axis of them"
            )

    def outputs(self, point: Parameters) -> Float[Array, " n"]:
        """`u_n`, zero for a row of padding."""
        return self._combined(point, self._units(point).value)

    def _combined(
        self, point: Parameters, units: Float[Array, "r n"]
    ) -> Float[Array, " n"]:
        outputs = jnp.sum(units * (point.heads.T @ self.rows.owner), axis=0)
        return outputs if point.bias is None else outputs + point.bias @ self.rows.owner

    def _units(self, point: Parameters) -> Unit:
        units = point.shared.T @ self.rows.covariates
        if not self.rectified:
            return linear_unit(units)
        if self.smoothing is None:
            return relu_unit(units)
        square = jnp.sum(point.shared**2, axis=0)[:, None]
        return smooth_relu_unit(units, square, self.smoothing)

    @abstractmethod
    def _loss_slopes(
        self, outputs: Float[Array, " n"]
    ) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """`L_n'` and `L_n''`: derivatives of a row's loss in its output."""

    def curvature(
        self, point: Parameters, weights: Float[Array, " k"], *, exact: bool
    ) -> Blocks:
        """`Σ_n α_i L_n'' ∇u_n∇u_nᵀ`, and `α_i L_n' ∇²u_n` too if exact."""
        unit = self._units(point)
        first, second = self._loss_slopes(self._combined(point, unit.value))
        share = weights @ self.rows.owner
        first = share * first if exact else jnp.zeros_like(first)
        return row_blocks(self.rows, point, unit, first, share * second)

    def softened(self, smoothing: Float[Array, ""]) -> Model:
        """The model with `g(u) = (u + √(u² + s²‖B_j‖²))/2` for `max(u, 0)`.

        In proportion to its unit's `‖B_j‖`, so that `B → cB, A → A/c` changes nothing.
        """
        if not self.rectified:
            return self
        return eqx.tree_at(
            lambda model: model.smoothing,
            self,
            smoothing,
            is_leaf=lambda leaf: leaf is None,
        )

    def dead(self, point: Parameters) -> Bool[Array, " r"]:
        """Units with `x_nᵀB_s ≤ 0` on every row; none where `g` is linear."""
        if not self.rectified:
            return super().dead(point)
        return jnp.all(point.shared.T @ self.rows.covariates <= 0, axis=1)

    def _columns(self) -> tuple[Rows, Array, Array]:
        """Rows with columns of unit mean square, their scale, and the rows' number."""
        rows = self.rows
        number = jnp.sum(rows.owner)
        size = jnp.sqrt(jnp.sum(rows.covariates**2, axis=1) / number)
        column = 1 / jnp.where(size > 0, size, 1)
        return (
            Rows(rows.covariates * column[:, None], rows.labels, rows.owner),
            column,
            number,
        )


class ReluModel(_RowModel):
    """`L_i = ‖max(X_iB, 0)A_i − y_i‖²`.

    Source: W eq 1 with ReLU `g`.
    """

    @classmethod
    def from_tasks(cls, tasks: Tasks) -> "ReluModel":
        """The model of these tasks; axes of draws may come first.

        Raises:
            ValueError: As `Rows.from_tasks`.
        """
        return cls(Rows.from_tasks(tasks))

    def losses(self, outputs: Float[Array, " n"]) -> Float[Array, " k"]:
        """`Σ_n (u_n − y_n)²` over the rows of each task."""
        return self.rows.owner @ (outputs - self.rows.labels) ** 2

    def _loss_slopes(
        self, outputs: Float[Array, " n"]
    ) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """`2(u_n − y_n)` and 2."""
        return 2 * (outputs - self.rows.labels), jnp.full_like(outputs, 2)

    def scaled(self) -> tuple["ReluModel", Units]:
        """Columns of `X`, and labels, of unit mean square over all tasks."""
        rows, column, number = self._columns()
        size = jnp.sqrt(jnp.sum(rows.labels**2) / number)
        label = jnp.where(size > 0, size, 1)
        return ReluModel(Rows(rows.covariates, rows.labels / label, rows.owner)), Units(
            column, label
        )


class LogisticModel(_RowModel):
    """`L_i = Σ_n log(1 + exp(u_n)) − y_n u_n`, the log-loss of classes 0 and 1.

    `u_n = g(x_nᵀB)A_i + b_i`. Tasks whose classes a plane separates have no optimum:
    the loss falls for ever as the parameters grow.

    Source: W eq 1 with `L` the log-loss; `b_i` is our addition, off by default.
    """

    relu: bool = eqx.field(static=True, default=False)
    bias: bool = eqx.field(static=True, default=False)

    @classmethod
    def from_tasks(
        cls, tasks: Tasks, *, relu: bool = False, bias: bool = False
    ) -> "LogisticModel":
        """The model of these tasks; axes of draws may come first.

        Args:
            tasks: Labels 0 and 1, or −1 and 1; each task has both.
            relu: `g(u) = max(u, 0)` instead of `g(u) = u`.
            bias: One constant `b_i` a head.

        Raises:
            ValueError: Labels of a task are not two such classes, or as
                `Rows.from_tasks`. Values that are traced are not checked.
        """
        rows = Rows.from_tasks(tasks)
        if not is_traced(tasks.labels, tasks.mask):
            _check_classes(np.asarray(tasks.labels), np.asarray(tasks.mask))
        positive = (rows.labels > 0).astype(rows.covariates.dtype)
        return cls(Rows(rows.covariates, positive, rows.owner), relu, bias)

    @property
    def rectified(self) -> bool:
        """Whether `g(u) = max(u, 0)`; `g(u) = u` otherwise."""
        return self.relu

    @property
    def has_bias(self) -> bool:
        """Whether a head has a constant `b_i`."""
        return self.bias

    def losses(self, outputs: Float[Array, " n"]) -> Float[Array, " k"]:
        """Log-loss, summed over the rows of each task."""
        return self.rows.owner @ (jax.nn.softplus(outputs) - self.rows.labels * outputs)

    def _loss_slopes(
        self, outputs: Float[Array, " n"]
    ) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """`p_n − y_n` and `p_n(1 − p_n)`, with `p_n = 1/(1 + exp(−u_n))`."""
        chance = jax.nn.sigmoid(outputs)
        return chance - self.rows.labels, chance * jax.nn.sigmoid(-outputs)

    def scaled(self) -> tuple["LogisticModel", Units]:
        """Columns of `X` of unit mean square over all tasks; classes have no unit."""
        rows, column, _ = self._columns()
        one = jnp.ones((), column.dtype)
        return LogisticModel(rows, self.relu, self.bias), Units(column, one)


def _check_classes(labels: np.ndarray, mask: np.ndarray) -> None:
    tasks, length = labels.shape[-2:]
    by_task = labels.reshape(-1, tasks, length), mask.reshape(-1, tasks, length)
    for y, own in zip(*by_task, strict=True):
        for task in range(tasks):
            classes = np.unique(y[task, own[task]])
            if not any(np.array_equal(classes, pair) for pair in ([0, 1], [-1, 1])):
                shown = ", ".join(f"{c:g}" for c in classes[:4])
                more = ", ..." if len(classes) > 4 else ""
                raise ValueError(
                    f"task {task}: labels must be two classes, 0 and 1 or -1 and 1, "
                    f"and have both; got {shown}{more}"
                )
