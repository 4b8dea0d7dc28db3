"""Few rows first: the descent on those that may not be zero."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from theory.penalised.descent import descend
from theory.penalised.duality import Judged, Problem, allowed, better, judge
from theory.penalised.loop import Found
from theory.penalised.penalty import RowSparse
from theory.penalised.screening import inactive_rows

# Least size of a set, and least number of features for which sets are worth it. Sizes
# are powers of 2, each a compilation.
LEAST, WORTH = 32, 128
# A set is solved to this share of the gap of all rows, or to half the tolerance.
SHARE = 0.1


class _Seen(NamedTuple):
    """All rows at a point: the best so far, its gap, polars, and rows that are zero."""

    best: Judged
    gap: Float[Array, ""]
    limit: Float[Array, ""]
    polar: Float[Array, " d"]
    zero: Bool[Array, " d"]


def descend_on_rows(
    problem: Problem,
    penalty: RowSparse,
    start: Float[Array, "k d"],
    tolerance: Float[Array, ""],
) -> Found:
    """Minimise `F` on sets of rows that grow until the gap of all rows is closed.

    The first set has the rows of the start and those of largest polar there. A set is
    solved, all rows are judged, and those whose polar exceeds 1 join, the largest
    first, at most as many again; none that screening proves to be zero. Once that is
    more than half of the rows, or a round has changed nothing, all rows are taken.
    """
    steps = jnp.zeros((), int)
    seen = _begin(problem, penalty, start, tolerance)
    used = np.flatnonzero(np.any(np.asarray(start) != 0, axis=0))
    chosen, before = _joined(used, seen, LEAST), np.inf
    while seen.gap > seen.limit and 2 * len(chosen) <= start.shape[1]:
        taken, seen = _round(problem, penalty, _padded(chosen), seen, tolerance)
        grown = _joined(chosen, seen, max(LEAST, len(chosen)))
        steps += taken
        if len(grown) == len(chosen) and not seen.gap < before:
            break
        chosen, before = grown, seen.gap
    if seen.gap <= seen.limit:
        return Found(seen.best, steps)
    rest = descend(problem, penalty, seen.best.parameters, tolerance)
    return Found(better(seen.best, rest.best), steps + rest.steps)


@jax.jit
def _begin(
    problem: Problem,
    penalty: RowSparse,
    start: Float[Array, "k d"],
    tolerance: Float[Array, ""],
) -> _Seen:
    """Judge zero, then the start."""
    zero = jnp.zeros_like(start)
    best = judge(problem, penalty, zero, zero)
    return _look(problem, penalty, start, best, tolerance)


@jax.jit
def _round(
    problem: Problem,
    penalty: RowSparse,
    index: Int[Array, " p"],
    seen: _Seen,
    tolerance: Float[Array, ""],
) -> tuple[Int[Array, ""], _Seen]:
    """Solve a set of rows, and look at all of them there."""
    energy = jnp.sum(problem.weights * problem.energy)
    share = jnp.maximum(tolerance / 2, SHARE * seen.gap / energy)
    start = seen.best.parameters[:, index] * (index >= 0)
    found = descend(problem.rows(index), penalty, start, share)
    point = jnp.zeros_like(seen.best.parameters)
    # Padding is zero in every column that it adds to.
    point = point.at[:, index].add(found.best.parameters * (index >= 0))
    return found.steps, _look(problem, penalty, point, seen.best, tolerance)


def _look(
    problem: Problem,
    penalty: RowSparse,
    point: Float[Array, "k d"],
    best: Judged,
    tolerance: Float[Array, ""],
) -> _Seen:
    """Judge all rows at a point."""
    curved = problem.seen(point)
    judged = judge(problem, penalty, point, curved)
    slope = problem.slope(point, curved, penalty.ridge)
    best = better(best, judged)
    zero = inactive_rows(problem, penalty, judged, slope, best.objective)
    gap, limit = best.objective - best.bound, allowed(problem, best.rounding, tolerance)
    return _Seen(best, gap, limit, penalty.row_polar(slope), zero)


def _joined(chosen: np.ndarray, seen: _Seen, most: int) -> np.ndarray:
    """The rows and up to so many others that may not be zero."""
    polar = np.where(seen.zero, 0, seen.polar)
    polar[chosen] = 0
    others = np.argsort(-polar, kind="stable")[:most]
    return np.concatenate([chosen, others[polar[others] > 1]])


def _padded(chosen: np.ndarray) -> Int[Array, " p"]:
    """The rows, and −1 up to a size that others have as well."""
    size = LEAST
    while size < len(chosen):
        size *= 2
    return jnp.asarray(np.pad(chosen, (0, size - len(chosen)), constant_values=-1))
