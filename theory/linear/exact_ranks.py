"""Which columns of the tasks' rows depend on others, decided in exact arithmetic."""

import math
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from theory.linear.rounding import largest_ranks, matrix_rounding, used_columns
from theory.linear.single_task import equilibrated_spectrum
from theory.tasks import Tasks, TaskStatistics

# Products of integers; some seconds.
MOST_WORK = 20_000_000
BLOCK = 256


class ExactRanks(NamedTuple):
    """Columns that all others depend on, and the rank of each task's rows.

    A module needs no other columns: `X_iN = 0` for all tasks of positive weight, with
    `N` regular on the columns left out, so that any `B` may be changed by `NZ` to be
    zero there.
    """

    columns: NDArray[np.intp]
    ranks: NDArray[np.float64]


def exact_ranks(
    tasks: Tasks, statistics: TaskStatistics, weights: Float[Array, " k"]
) -> ExactRanks | None:
    """Decide ranks by rows wherever the statistics cannot.

    Floats are integers times powers of two, so a null space is found without rounding:
    from the unit vectors on, each row that is not orthogonal to all vectors left
    removes one of them.

    Args:
        tasks: The rows.
        statistics: Their statistics.
        weights: `α_i`; tasks of weight 0 do not keep a column.

    Returns:
        `None` if that would take more than `MOST_WORK` products of integers.
    """
    d, active = statistics.dimension, np.asarray(weights) > 0
    most = np.array(largest_ranks(statistics))
    doubtful = np.asarray(_sure_ranks(statistics)) < most
    total = _sum(statistics, jnp.asarray(active))
    whole = bool((_sure_ranks(total) >= used_columns(total.gram)).all())
    rows = np.asarray(tasks.covariates), np.asarray(tasks.mask)
    used = [x[kept] for x, kept in zip(*rows, strict=True)]
    terms = sum(len(x) for x, look in zip(used, doubtful, strict=True) if look)
    terms += 0 if whole else sum(len(x) for x in used)
    if terms * d * d > MOST_WORK:
        return None
    for task in np.flatnonzero(doubtful):
        most[task] = d - len(null_space(as_integers(used[task])))
    if whole:
        columns = np.flatnonzero(np.diagonal(np.asarray(total.gram[0])) > 0)
    else:
        seen = [x for x, look in zip(used, active, strict=True) if look]
        columns = independent_columns(as_integers(np.concatenate(seen)))
    return ExactRanks(columns, most)


def _sum(statistics: TaskStatistics, active: Array) -> TaskStatistics:
    """The sum of all active tasks, each divided by its trace, as one task."""
    trace = jnp.trace(statistics.gram, axis1=1, axis2=2)
    share = jnp.where(active & (trace > 0), 1 / jnp.where(trace > 0, trace, 1), 0)
    return TaskStatistics(
        gram=jnp.einsum("k,kde->de", share, statistics.gram)[None],
        moment=(share @ statistics.moment)[None],
        energy=(share @ statistics.energy)[None],
        samples=jnp.max(statistics.samples)[None],
    )


@jax.jit
def _sure_ranks(statistics: TaskStatistics) -> Float[Array, " k"]:
    """Number of eigenvalues of each scaled `G_i` that rounding cannot make 0."""
    kappa = matrix_rounding(statistics.samples, statistics.dimension)

    def one(task: tuple[Array, Array]) -> Array:
        gram, shift = task
        value = equilibrated_spectrum(gram).value
        return jnp.sum(value > 2 * shift).astype(gram.dtype)

    return jax.lax.map(one, (statistics.gram, kappa))


def null_space(integers: NDArray[np.object_]) -> list[list[int]]:
    """A basis of `{n : Xn = 0}` for rows `X` of integers."""
    d = integers.shape[1]
    basis = [np.array([int(i == j) for j in range(d)], dtype=object) for i in range(d)]
    start = 0
    while basis and start < len(integers):
        # Whole blocks at once: nearly all rows change nothing.
        along = integers[start : start + BLOCK] @ np.array(basis).T
        changing = np.flatnonzero((along != 0).any(axis=1))
        if not len(changing):
            start += BLOCK
            continue
        basis = _orthogonal(basis, [int(v) for v in along[changing[0]]])
        start += int(changing[0]) + 1
    return [[int(v) for v in vector] for vector in basis]


def _orthogonal(
    basis: list[NDArray[np.object_]], along: list[int]
) -> list[NDArray[np.object_]]:
    """Combinations of vectors that have no part along a row, one fewer."""
    pivot = min((i for i in range(len(basis)) if along[i]), key=lambda i: abs(along[i]))
    found = []
    for index, (vector, part) in enumerate(zip(basis, along, strict=True)):
        if index == pivot:
            continue
        if part:
            vector = vector * along[pivot] - basis[pivot] * part
            vector = vector // math.gcd(*vector)
        found.append(vector)
    return found


def as_integers(rows: NDArray[np.float64]) -> NDArray[np.object_]:
    """`X diag(2^s)` in integers: a power of two for each column changes no rank."""
    fraction, exponent = np.frexp(rows)
    digits = np.ldexp(fraction, 53).astype(np.int64).astype(object)
    none = np.iinfo(exponent.dtype).max
    least = np.where(rows != 0, exponent, none).min(axis=0)
    shift = np.where(rows != 0, exponent - least, 0)
    return digits * np.array(2, dtype=object) ** shift.astype(object)


def independent_columns(integers: NDArray[np.object_]) -> NDArray[np.intp]:
    """Columns that are independent and that all others are combinations of.

    Of each dependence the column with the largest part is left out, so that the others
    stand for it with small factors.
    """
    size = [int(v) for v in np.abs(integers).max(axis=0)]
    basis = [[Fraction(v) for v in vector] for vector in null_space(integers)]
    dropped: list[int] = []
    for index, vector in enumerate(basis):
        parts = [abs(v) * s for v, s in zip(vector, size, strict=True)]
        # A column of zeros has no part and is a dependence of its own.
        pivot = (
            parts.index(max(parts))
            if any(parts)
            else vector.index(max(vector, key=abs))
        )
        dropped.append(pivot)
        for other in range(index + 1, len(basis)):
            factor = basis[other][pivot] / vector[pivot]
            basis[other] = [
                b - factor * a for a, b in zip(vector, basis[other], strict=True)
            ]
    return np.setdiff1d(np.arange(integers.shape[1]), dropped)
