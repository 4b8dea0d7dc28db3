"""ReLU and logistic models, on rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from simulations.training.model import Model, Units
from simulations.training.result import Parameters
from simulations.training.rows import Rows
from theory.linear.arguments import is_traced
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

    def outputs(self, point: Parameters) -> Float[Array, " n"]:
        """`u_n`, zero for a row of padding."""
        units = point.shared.T @ self.rows.covariates
        if self.rectified:
            units = self._rectify(units, jnp.sum(point.shared**2, axis=0)[:, None])
        return jnp.sum(units * (point.heads.T @ self.rows.owner), axis=0)

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

    def _rectify(
        self, units: Float[Array, "r n"], square: Float[Array, "r 1"]
    ) -> Float[Array, "r n"]:
        if self.smoothing is None:
            return jax.nn.relu(units)
        # A column of zeros is masked, and its unit must stay zero.
        some = square > 0
        width = self.smoothing**2 * jnp.where(some, square, 1)
        return jnp.where(some, (units + jnp.sqrt(units**2 + width)) / 2, 0)

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
            ValueError: Shapes do not fit, or a value that is known is not finite.
        """
        return cls(Rows.from_tasks(tasks))

    def losses(self, outputs: Float[Array, " n"]) -> Float[Array, " k"]:
        """`Σ_n (u_n − y_n)²` over the rows of each task."""
        return self.rows.owner @ (outputs - self.rows.labels) ** 2

    def curved(
        self,
        outputs: Float[Array, " n"],
        change: Float[Array, "n p"],
        weights: Float[Array, " k"],
    ) -> Float[Array, "n p"]:
        """`2α_i δu_n`."""
        del outputs
        return 2 * (weights @ self.rows.owner)[:, None] * change

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
            ValueError: Labels of a task are not two such classes, shapes do not fit,
                or a value is not finite. Values that are traced are not checked.
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

    def outputs(self, point: Parameters) -> Float[Array, " n"]:
        """`u_n`, zero for a row of padding."""
        linear = super().outputs(point)
        return linear if point.bias is None else linear + point.bias @ self.rows.owner

    def losses(self, outputs: Float[Array, " n"]) -> Float[Array, " k"]:
        """Log-loss, summed over the rows of each task."""
        return self.rows.owner @ (jax.nn.softplus(outputs) - self.rows.labels * outputs)

    def curved(
        self,
        outputs: Float[Array, " n"],
        change: Float[Array, "n p"],
        weights: Float[Array, " k"],
    ) -> Float[Array, "n p"]:
        """`α_i p_n(1 − p_n) δu_n` with `p_n = 1/(1 + exp(−u_n))`."""
        spread = jax.nn.sigmoid(outputs) * jax.nn.sigmoid(-outputs)
        return (spread * (weights @ self.rows.owner))[:, None] * change

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
