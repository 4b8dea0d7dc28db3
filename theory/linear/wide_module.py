"""The optimum when the module is as wide as the tasks or the inputs."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linear.result import SharedOptimum, assemble
from theory.linear.single_task import single_task_optimum, task_ranks
from theory.tasks import TaskStatistics


@partial(jax.jit, static_argnames="width")
def wide_optimum(
    statistics: TaskStatistics, width: int, weights: Float[Array, " k"]
) -> SharedOptimum:
    """Optimum for `r ≥ min(k, d)`: every task gets its single-task optimum.

    Any `θ̂_1..θ̂_k` have rank at most `min(k, d)`, so `B` can hold them all: the `θ̂_i`
    as columns when `r ≥ k`, else unit vectors. Then

        f* = Σ_i α_i (e_i − g_iᵀθ̂_i),

    which bounds `f` from below for every width. Further columns of `B` are zero.

    Source: W-P1 (Proposition 1); `r ≥ d` derived here.
    """
    k, d = statistics.moment.shape
    solutions = single_task_optimum(statistics)
    columns = solutions.T if width >= k else jnp.eye(d, dtype=solutions.dtype)
    shared = jnp.pad(columns, ((0, 0), (0, width - columns.shape[1])))
    explained = jnp.sum(statistics.moment * solutions, axis=1)
    least = jnp.sum(weights * (statistics.energy - explained))
    return assemble(
        statistics,
        weights,
        shared,
        lower_bound=least,
        claimed=least,
        rank=task_ranks(statistics),
        alone=solutions,
        route="r >= min(k, d): single-task optima",
    )
