"""Columns of X scaled to unit norm over all tasks, as a practitioner would."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.tasks import TaskStatistics


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
