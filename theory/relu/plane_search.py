"""Every local maximum over the circle of what one ReLU unit explains.

`G` is evaluated at the ends of all arcs of `theory.relu.plane_arcs`, at the maxima and
minima inside them, and at breakpoints. Between neighbours in that sequence it is
monotone, or varies by less than rounding. Its local maxima are those of the sequence
that `G` leaves on both sides by more than rounding before it rises above them: values
decide, however close the angles are. Sectors in which every task's share is constant
are listed too.

`G` jumps down where all active rows of a task lie on one line and become inactive
together: there a maximum may be approached without being attained. It does not
elsewhere: `g_i` is continuous where the hidden values of task `i` do not all vanish.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.relu.plane_arcs import OPEN, Labelled, Problem, labelled_arcs
from theory.relu.plane_cells import Arcs

# G at the ends of arcs, and 1 - σ + σ in its formulas, in units of Σ α_i η_i e_i.
EVALUATION = 8


class Candidates(NamedTuple):
    """Local maxima: a direction in a part, and what it is.

    `σ = at` is counted from `v` where `from_v`. `side` is 0 where the value is
    attained, and else from where it is approached: +1 from larger angles. `whole` says
    that `G` is constant on the whole sector.
    """

    part: Int[np.ndarray, " n"]
    from_v: Bool[np.ndarray, " n"]
    at: Float[np.ndarray, " n"]
    side: Int[np.ndarray, " n"]
    whole: Bool[np.ndarray, " n"]

    def take(self, index: NDArray) -> "Candidates":
        """Some of them."""
        return Candidates(*(field[index] for field in self))


class Found(NamedTuple):
    """Local maxima, a bound on `G`, and how many arcs have no proved label."""

    candidates: Candidates
    highest: float
    unresolved: int


class Nodes(NamedTuple):
    """`G` round the circle: the point, the value, and what kind of point it is.

    `side` is that of `Candidates`; `plateau` marks constant sectors, `gap` the
    breakpoints' own values, which are no limits.
    """

    point: Candidates
    value: Float[np.ndarray, " n"]
    gap: Bool[np.ndarray, " n"]


def local_maxima(problem: Problem) -> Found:
    """All of them, in the order of angle, and the bound."""
    labelled = labelled_arcs(problem)
    nodes = _nodes(problem, labelled)
    peaks = _peaks(nodes, problem.tolerance)
    plateaus = _plateaus(problem)
    found = nodes.point.take(np.asarray(peaks, np.int64))
    parts = (found, plateaus)
    joined = Candidates(*(np.concatenate(f) for f in zip(*parts, strict=True)))
    order = np.lexsort((np.where(joined.from_v, -joined.at, joined.at), joined.from_v))
    order = order[np.argsort(joined.part[order], kind="stable")]
    highest = np.concatenate([labelled.highest, nodes.value])
    return Found(
        joined.take(order),
        float(highest.max(initial=0)) + EVALUATION * problem.rounding,
        int(np.sum(labelled.label == OPEN)),
    )


def _plateaus(problem: Problem) -> Candidates:
    """Middle parts of the constant sectors."""
    sector = problem.sectors.sector
    starts = np.searchsorted(sector, np.flatnonzero(problem.constant))
    ends = np.searchsorted(sector, np.flatnonzero(problem.constant), side="right")
    part = (starts + ends) // 2
    # The middle of an odd number of parts, and between the two of an even one.
    at = np.where((ends - starts) % 2 == 1, 0.5, 0.0)
    none = np.zeros(len(part), np.int64)
    return Candidates(part, none > 0, at, none, none == 0)


def _nodes(problem: Problem, labelled: Labelled) -> Nodes:
    """Ends and turns of arcs, constant sectors, and breakpoints, in their order."""
    arcs, sectors = labelled.arcs, problem.sectors
    first, last = _ends_of_sectors(sectors.sector)
    low = np.where(arcs.from_v, arcs.high, arcs.low)
    high = np.where(arcs.from_v, arcs.low, arcs.high)
    turns = np.isfinite(labelled.turn)
    whole = np.flatnonzero(problem.constant[sectors.sector])
    breaks = first
    # (part, half, place, σ, kind): kind 0 limit or inner point, 1 breakpoint, 2 plateau
    groups = [
        (arcs.part, arcs.from_v, low, 0),
        (arcs.part[turns], arcs.from_v[turns], labelled.turn[turns], 0),
        (arcs.part, arcs.from_v, high, 0),
        (whole, np.zeros(len(whole), bool), np.full(len(whole), 0.5), 2),
        (breaks, np.zeros(len(breaks), bool), np.zeros(len(breaks)), 1),
    ]
    part, from_v, at = (
        np.concatenate([group[i] for group in groups]) for i in range(3)
    )
    kind = np.concatenate([np.full(len(group[0]), group[3]) for group in groups])
    points = Arcs(part, from_v, at, at)
    value = problem.explained(points, at)
    left, right = (problem.weights @ jump for jump in (sectors.left, sectors.right))
    value = np.where(kind == 1, value - right[sectors.sector[part]], value)
    # Limits at breakpoints from which G jumps.
    begins = (kind == 0) & ~from_v & (at == 0) & np.isin(part, first)
    ends = (kind == 0) & from_v & (at == 0) & np.isin(part, last)
    after = (sectors.sector[part] + 1) % len(left)
    side = np.where(begins & (right[sectors.sector[part]] > problem.tolerance), 1, 0)
    side = np.where(ends & (left[after] > problem.tolerance), -1, side)
    place = np.where(from_v, -at, at)
    order = np.lexsort((kind != 1, place, from_v, part))
    point = Candidates(part, from_v, at, side, kind == 2).take(order)
    return Nodes(point, value[order], (kind == 1)[order])


def _ends_of_sectors(sector: Int[np.ndarray, " p"]) -> tuple[NDArray, NDArray]:
    """First and last parts of every sector."""
    change = np.flatnonzero(np.diff(sector, prepend=-1))
    return change, np.append(change[1:], len(sector)) - 1


def _peaks(nodes: Nodes, tolerance: float) -> list[int]:
    """Places of the sequence's local maxima that stand out by more than rounding.

    Those that are connected to a constant sector without going down are left out.
    """
    value, plateau = nodes.value, nodes.point.whole
    count = len(value)
    start = int(np.argmax(value))
    around = np.roll(value, -start).tolist()
    found, down, best = [start], True, around[0]
    at = 0
    for place, v in enumerate(around):
        if down:
            best = min(best, v)
            if v > best + tolerance:
                down, best, at = False, v, place
        elif v > best:
            best, at = v, place
        elif v < best - tolerance:
            found.append((start + at) % count)
            down, best = True, v
    return [p for p in found if not _reaches(value, plateau, p, tolerance)]


def _reaches(value: NDArray, plateau: NDArray, place: int, tolerance: float) -> bool:
    """Whether a plateau is reached from here without going down."""
    count = len(value)
    for step in (1, -1):
        for distance in range(count):
            at = (place + step * distance) % count
            if value[at] < value[place] - tolerance:
                break
            if plateau[at]:
                return True
    return False
