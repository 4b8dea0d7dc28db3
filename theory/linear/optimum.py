"""The optimum of the linear shared-module model, by whichever route fits the tasks."""

from functools import partial
from typing import SupportsIndex

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_width, is_traced
from theory.linear.common_covariance import (
    common_covariance_optimum,
    proportionality,
)
from theory.linear.multi_start import multi_start_optimum
from theory.linear.one_less import one_less_optimum
from theory.linear.result import SharedOptimum, assemble
from theory.linear.single_task import single_task_optimum, task_ranks
from theory.linear.skew_optimum import skew_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# Gram matrices formed from the same rows agree to rounding of their m terms, about
# √m ε; the lower bound pays for whatever deviation below this is found.
PROPORTIONAL = 1e-10
# Intervals for the rare two-task problem that the default search leaves open.
LARGE_CAPACITY = 2048


def shared_optimum(
    statistics: TaskStatistics,
    width: SupportsIndex,
    weights: ArrayLike | None = None,
) -> SharedOptimum:
    """Least loss of `k` linear tasks that share a module of `width` columns.

        f* = min_{B, A_1..A_k} Σ_i α_i ‖X_i B A_i − y_i‖².

    The route is the first that fits:

    1. `width ≥ min(k, d)`: the single-task optima (W-P1); certified.
    2. Proportional Gram matrices, such as a common `X`: Eckart-Young; certified.
    3. Two tasks at width 1: branch and bound; certified.
    4. Three and more tasks at width 1: the skew dual, with branching on the ratios of
       heads where it leaves a gap, and many starts where that stays.
    5. `width = k − 1`, full rank, positive weights: a search over `k` numbers.
    6. Otherwise many starts; 4 to 6 are certified only where their bracket closes.

    Under jit, vmap or grad the values are unknown, so 2, 4 and 5 are not chosen: call
    `common_covariance_optimum`, `skew_dual` or `one_less_optimum` to have them.
    `loss` has a gradient on every route, `shared` and `heads` on route 3.

    Args:
        statistics: The tasks, in 64-bit floats.
        width: Number `r ≥ 1` of columns of `B`.
        weights: `α_i ≥ 0`, ones by default.

    Raises:
        ValueError: Bad shapes, values, width or weights, or 32-bit floats. The
            message names the task and the field.

    Source: W eq 2 and 3; routes as named in their modules.
    """
    columns = check_width(width)
    check_statistics(statistics)
    alpha = check_weights(weights, statistics)
    k, d = statistics.moment.shape
    if columns >= min(k, d):
        return wide_optimum(statistics, columns, alpha)
    if is_traced(statistics, alpha):
        if k == 2:
            return two_task_optimum(statistics, alpha)
        return multi_start_optimum(statistics, columns, alpha)
    return _measured_route(statistics, columns, alpha)


def _measured_route(
    statistics: TaskStatistics, width: int, alpha: Float[Array, " k"]
) -> SharedOptimum:
    """Choose by the values of the statistics."""
    deviation = proportionality(statistics)
    if deviation <= PROPORTIONAL:
        return common_covariance_optimum(statistics, width, alpha, deviation=deviation)
    ranks = task_ranks(statistics)
    if statistics.count == 2:
        result = two_task_optimum(statistics, alpha)
        if not result.certified:
            result = two_task_optimum(statistics, alpha, capacity=LARGE_CAPACITY)
        return eqx.tree_at(lambda found: found.rank, result, ranks)
    if width == 1:
        return skew_optimum(statistics, alpha)
    regular = bool(np.all(np.asarray(ranks) == statistics.dimension))
    if width == statistics.count - 1 and regular and bool(jnp.all(alpha > 0)):
        return one_less_optimum(statistics, alpha)
    return multi_start_optimum(statistics, width, alpha)


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
