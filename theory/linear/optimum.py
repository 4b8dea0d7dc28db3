"""The optimum of the linear shared-module model, by whichever route fits the tasks."""

from functools import partial
from typing import SupportsIndex

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_width, is_traced
from theory.linear.common_covariance import (
    common_covariance_optimum,
    proportionality,
)
from theory.linear.exact_ranks import ExactRanks, exact_ranks
from theory.linear.multi_start import multi_start_optimum
from theory.linear.one_less import one_less_optimum
from theory.linear.result import SharedOptimum, assemble
from theory.linear.rounding import alone_bounds, largest_ranks
from theory.linear.single_task import single_task_optimum, task_ranks
from theory.linear.skew_optimum import skew_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.task_checks import check_statistics, check_weights
from theory.tasks import Tasks, TaskStatistics

# Gram matrices formed from the same rows agree to rounding of their m terms, about
# √m ε; the lower bound pays for whatever deviation below this is found. A pair whose
# bound that spoils is tried by branch and bound.
PROPORTIONAL = 1e-10
# Intervals for the rare two-task problem that the default search leaves open.
LARGE_CAPACITY = 2048


def shared_optimum(
    statistics: TaskStatistics | Tasks,
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

    From statistics, the lower bound is for all rows that these may come from, whatever
    rounding hides (`SharedOptimum.holds_for`). Nearly or exactly dependent columns may
    then explain all labels, so they are not certified, nor are few equal rows. From
    rows (`Tasks`) the bound is for these rows in exact arithmetic: their ranks are
    found without rounding, columns that depend on others in all tasks are left out, and
    what depends exactly is certified again.

    Under jit, vmap or grad the values are unknown, so 2, 4 and 5 are not chosen, and
    rows are used for their statistics alone: call `common_covariance_optimum`,
    `skew_dual` or `one_less_optimum` to have them. `loss` has a gradient on every
    route, `shared` and `heads` on route 3.

    Args:
        statistics: Statistics or rows, in 64-bit floats.
        width: Number `r ≥ 1` of columns of `B`.
        weights: `α_i ≥ 0`, ones by default.

    Raises:
        ValueError: Bad shapes, values, width or weights, or 32-bit floats. The
            message names the task and the field.

    Source: W eq 2 and 3; routes as named in their modules.
    """
    columns = check_width(width)
    sums = statistics.statistics() if isinstance(statistics, Tasks) else statistics
    check_statistics(sums)
    alpha = check_weights(weights, sums)
    if isinstance(statistics, Tasks) and not is_traced(statistics, alpha):
        exact = exact_ranks(statistics, sums, alpha)
        if exact is not None:
            return _of_rows(statistics, sums, columns, alpha, exact)
    return _route(sums, columns, alpha)


def _of_rows(
    tasks: Tasks,
    statistics: TaskStatistics,
    width: int,
    alpha: Float[Array, " k"],
    exact: ExactRanks,
) -> SharedOptimum:
    """The optimum on independent columns, with zeros for the others."""
    index = jnp.asarray(exact.columns)
    ranks = jnp.asarray(exact.ranks)
    part = TaskStatistics(
        gram=statistics.gram[:, index][:, :, index],
        moment=statistics.moment[:, index],
        energy=statistics.energy,
        samples=statistics.samples,
    )
    found = _route(part, width, alpha, ranks)
    shared = jnp.zeros((statistics.dimension, width), found.shared.dtype)
    return SharedOptimum(
        shared=shared.at[index].set(found.shared),
        heads=found.heads,
        loss=found.loss,
        lower_bound=found.lower_bound,
        certified=found.certified,
        rounding=found.rounding,
        rank=ranks,
        route=found.route,
        holds_for="rows",
    )


def _route(
    statistics: TaskStatistics,
    width: int,
    alpha: Float[Array, " k"],
    ranks: Float[Array, " k"] | None = None,
) -> SharedOptimum:
    """The first route that fits; `ranks` are exact ones, where rows told them."""
    k, d = statistics.moment.shape
    # One compiled program, whether ranks are known or not.
    ranks = largest_ranks(statistics, ranks)
    if width >= min(k, d):
        return wide_optimum(statistics, width, alpha, ranks)
    if is_traced(statistics, alpha):
        if k == 2:
            return two_task_optimum(statistics, alpha, ranks=ranks)
        return multi_start_optimum(statistics, width, alpha)
    return _measured_route(statistics, width, alpha, ranks)


def _measured_route(
    statistics: TaskStatistics,
    width: int,
    alpha: Float[Array, " k"],
    ranks: Float[Array, " k"],
) -> SharedOptimum:
    """Choose by the values of the statistics."""
    if proportionality(statistics) <= PROPORTIONAL:
        common = common_covariance_optimum(statistics, width, alpha, assumed=False)
        if common.certified or statistics.count != 2:
            return common
        result = _pair(statistics, alpha, ranks)
        return result if result.certified else common
    if statistics.count == 2:
        return _pair(statistics, alpha, ranks)
    if width == 1:
        return skew_optimum(statistics, alpha)
    known = task_ranks(statistics)
    regular = bool(np.all(np.asarray(known) == statistics.dimension))
    if width == statistics.count - 1 and regular and bool(jnp.all(alpha > 0)):
        found = one_less_optimum(statistics, alpha)
        # A task that others dwarf has no inverse in their common metric.
        if bool(jnp.isfinite(found.loss)):
            return found
    return multi_start_optimum(statistics, width, alpha)


def _pair(
    statistics: TaskStatistics,
    alpha: Float[Array, "2"],
    ranks: Float[Array, "2"],
) -> SharedOptimum:
    """Two tasks at width 1, with a larger search if a small one leaves a bracket."""
    result = two_task_optimum(statistics, alpha, ranks=ranks)
    if not result.certified:
        result = two_task_optimum(
            statistics, alpha, ranks=ranks, capacity=LARGE_CAPACITY
        )
    return eqx.tree_at(lambda found: found.rank, result, task_ranks(statistics))


@partial(jax.jit, static_argnames="width")
def wide_optimum(
    statistics: TaskStatistics,
    width: int,
    weights: Float[Array, " k"],
    ranks: Float[Array, " k"] | None = None,
) -> SharedOptimum:
    """Optimum for `r ≥ min(k, d)`: every task gets its single-task optimum.

    Any `θ̂_1..θ̂_k` have rank at most `min(k, d)`, so `B` can hold them all: the `θ̂_i`
    as columns when `r ≥ k`, else unit vectors. Then

        f* = Σ_i α_i (e_i − g_iᵀθ̂_i),

    which bounds `f` from below for every width. Further columns of `B` are zero. The
    lower bound is that of `theory.linear.rounding.alone_bounds`.

    Args:
        statistics: The tasks.
        width: `r`.
        weights: `α_i`.
        ranks: Exact ranks of the `X_i`, where known.

    Source: W-P1 (Proposition 1); `r ≥ d` derived here.
    """
    k, d = statistics.moment.shape
    solutions = single_task_optimum(statistics)
    columns = solutions.T if width >= k else jnp.eye(d, dtype=solutions.dtype)
    shared = jnp.pad(columns, ((0, 0), (0, width - columns.shape[1])))
    explained = jnp.sum(statistics.moment * solutions, axis=1)
    least = alone_bounds(*lax.stop_gradient((statistics, ranks)))
    return assemble(
        statistics,
        weights,
        shared,
        lower_bound=jnp.sum(weights * least.residual),
        claimed=jnp.sum(weights * (statistics.energy - explained)),
        rank=task_ranks(statistics),
        route="r >= min(k, d): single-task optima",
        closed=True,
    )
