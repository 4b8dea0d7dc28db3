"""The optimum of any number of tasks that share one direction, by the skew dual."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.linear.multi_start import multi_start_optimum
from theory.linear.result import GAP, SharedOptimum, assemble
from theory.linear.single_task import task_ranks
from theory.linear.skew_branching import branch
from theory.linear.skew_dual import solve_dual
from theory.tasks import TaskStatistics

# Unknowns of the dual and, with branching, of a cell. A Newton step factorises a matrix
# of this order, 50 MB and about a second on one core, and takes some 15 of them.
MOST_UNKNOWNS = 2500
MOST_BRANCHED = 800


def skew_optimum(
    statistics: TaskStatistics, weights: Float[Array, " k"]
) -> SharedOptimum:
    """Optimum at width 1 by skew multipliers, branching, and then many starts.

    1. `theory.linear.skew_dual` bounds the loss and gives a module; where they meet,
       the module is optimal and no search would find a better one.
    2. Else `theory.linear.skew_branching` closes the gap on cells of heads' ratios.
    3. Where a gap stays, where a task has fewer directions than there are columns (no
       multipliers are known to be valid there), or where there are more than
       `MOST_UNKNOWNS` of them, many starts search on from the module found, and the
       better of both lower bounds is returned.

    Tasks of weight 0 are left out of the dual. Values must be known: not for jit.

    Args:
        statistics: The tasks.
        weights: `α_i`.

    Source: derived here; docs/mathematics.md, "Skew dual".
    """
    active = np.flatnonzero(np.asarray(weights) > 0)
    tasks, alpha = statistics.select(active.tolist()), weights[active]
    k, d = tasks.moment.shape
    unknowns = k * (k - 1) // 2 * (d * (d - 1) // 2)
    if k < 2 or unknowns > MOST_UNKNOWNS:
        return multi_start_optimum(statistics, 1, weights)
    dual = solve_dual(tasks, alpha)
    if not jnp.isfinite(dual.lower_bound):
        return multi_start_optimum(statistics, 1, weights)
    module, least, route = dual.shared, dual.lower_bound, "skew dual"
    explained = jnp.sum(alpha * tasks.energy) - dual.loss
    cell = unknowns + (k - 1) * d * (d + 1) // 2
    if dual.gap > GAP * explained and not dual.closed and cell <= MOST_BRANCHED:
        found = branch(tasks, alpha, dual)
        module, least = found.module[:, None], jnp.asarray(found.lower_bound)
        route = f"skew dual, branched into {found.cells} cells"
    result = _assembled(statistics, weights, module, least, route)
    if result.certified:
        return result
    starts = multi_start_optimum(statistics, 1, weights, extra_starts=module[None])
    if starts.loss < result.loss:
        result = _assembled(statistics, weights, starts.shared, least, route)
    better = jnp.maximum(result.lower_bound, starts.lower_bound)
    return eqx.tree_at(
        lambda r: r.lower_bound, result, jnp.minimum(better, result.loss)
    )


def _assembled(
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    module: Float[Array, "d 1"],
    least: Float[Array, ""],
    route: str,
) -> SharedOptimum:
    return assemble(
        statistics,
        weights,
        jax.lax.stop_gradient(module),
        lower_bound=least,
        rank=task_ranks(statistics),
        route=route,
    )
