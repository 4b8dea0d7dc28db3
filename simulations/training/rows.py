"""The rows of all tasks in one matrix, as ReLU and logistic training reads them."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simulations.training.arguments import check_range
from theory.arguments import is_traced
from theory.tasks import Tasks


class Rows(eqx.Module):
    """`Xᵀ` of all tasks side by side, and which task owns which row.

    `owner[i, n]` is 1 where row `n` is of task `i`, and a row of padding has no owner.
    Rows are the last axis: the products of a step with one column then run along
    memory, in about half the time that rows first take on a CPU (d = 50, 600 rows).
    """

    covariates: Float[Array, "*draws d n"]
    labels: Float[Array, "*draws n"]
    owner: Float[Array, "*draws k n"]

    @classmethod
    def from_tasks(cls, tasks: Tasks) -> "Rows":
        """Lay out the rows of tasks; axes of draws may come first.

        Rows of padding are dropped, unless jax is tracing the mask.

        Raises:
            ValueError: Shapes do not fit; or, where values are known, one is not
                finite, or the largest of a column or of the labels is outside the
                range of `check_range`.
        """
        _check(tasks)
        *draws, k, m, d = tasks.covariates.shape
        x = tasks.covariates.reshape(*draws, k * m, d)
        y = tasks.labels.reshape(*draws, k * m)
        task = jnp.repeat(jnp.eye(k, dtype=x.dtype), m, axis=1)
        owner = task * tasks.mask.reshape(*draws, 1, k * m)
        if not is_traced(tasks.mask):
            used = np.asarray(tasks.mask).reshape(-1, k * m).any(axis=0)
            kept = np.flatnonzero(used)
            x, y, owner = x[..., kept, :], y[..., kept], owner[..., kept]
        return cls(jnp.swapaxes(x, -1, -2), y, owner)


def _check(tasks: Tasks) -> None:
    shape = tasks.mask.shape
    if len(shape) < 2 or tasks.labels.shape != shape:
        raise ValueError(
            f"labels have shape {tasks.labels.shape} and mask {shape}: both must be "
            "k x m"
        )
    if tasks.covariates.shape[:-1] != shape:
        raise ValueError(
            f"covariates have shape {tasks.covariates.shape}; labels of shape {shape} "
            "need one row each"
        )
    if not jnp.issubdtype(tasks.covariates.dtype, jnp.floating):
        raise ValueError(f"covariates must be floats, got {tasks.covariates.dtype}")
    for field in ("covariates", "labels"):
        values = getattr(tasks, field)
        if is_traced(values):
            continue
        known, axis = np.asarray(values), len(shape) - 2
        bad = ~np.isfinite(known)
        if bad.any():
            task = int(np.argwhere(bad)[0][axis])
            raise ValueError(f"task {task}: {field} has a NaN or an infinity")
        # Over rows, then over tasks: columns have a scale each, labels have one.
        size = np.abs(known).max(axis=axis + 1, initial=0)
        task = size.argmax(axis=axis)

        def called(at: tuple[int, ...], field: str = field, task=task) -> str:
            column = f": column {at[-1]}" if field == "covariates" else ""
            return f"task {task[at]}: {field}{column}"

        check_range(size.max(axis=axis), tasks.covariates.dtype, called)
