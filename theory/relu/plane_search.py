"""Every local maximum over the circle of what one ReLU unit explains.

Sectors are split into arcs until each has a label that `theory.relu.plane_cells`
proves: `G` is monotone, concave or convex on it, or, last, varies by less than
rounding. Local maxima are then zeros of `G'` in concave arcs, ends of arcs that rise on
the left and fall on the right, and sectors in which every task's share is constant. `G`
jumps where all active rows of a task lie on one line and become inactive together:
there a maximum may be approached without being attained.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.relu.plane_cells import Arcs, Terms, enclose, terms_of
from theory.relu.plane_sectors import Rows, Sectors

# Widest arc to begin with: tan T stays small.
WIDEST = np.pi / 8
# Halvings after which an arc is as narrow as angles can tell.
ROUNDS = 60
# Variation that is rounding, in units of ε Σ α_i e_i.
LEVEL = 64
# Stationary points closer than this with one value are one: rounding put a zero of G'
# on both sides of a breakpoint.
SAME = 1e-10
# A slope across a breakpoint, in units of Σ α_i e_i a radian, that is not rounding.
STEEP = 1e-8

MONOTONE, CONCAVE, CONVEX, FLAT, OPEN = range(5)


class Pieces(NamedTuple):
    """Labelled arcs in the order of angle, and `G'` at their ends."""

    arcs: Arcs
    label: Int[np.ndarray, " c"]
    first: Float[np.ndarray, " c"]
    last: Float[np.ndarray, " c"]


class Candidates(NamedTuple):
    """Local maxima: an angle, the sector it is approached in, and what it is.

    `side` is 0 where the value is attained, and else from where it is approached: +1
    from larger angles. `low` and `high` differ where `G` is constant in between.
    """

    angle: Float[np.ndarray, " n"]
    sector: Int[np.ndarray, " n"]
    side: Int[np.ndarray, " n"]
    low: Float[np.ndarray, " n"]
    high: Float[np.ndarray, " n"]

    def take(self, index: NDArray) -> "Candidates":
        """Some of them."""
        return Candidates(*(field[index] for field in self))


def local_maxima(
    rows: Rows, sectors: Sectors, weights: NDArray, scale: float
) -> Candidates:
    """All of them, in the order of angle.

    Args:
        rows: The tasks' rows.
        sectors: Their sectors, at least one line.
        weights: `α_i`.
        scale: `Σ α_i e_i`, the unit of rounding.
    """
    tolerance = LEVEL * np.finfo(float).eps * scale
    pieces = _labelled(rows, sectors, weights, tolerance)
    found = [
        _inside(rows, sectors, pieces, weights, scale),
        _between(sectors, pieces, weights, tolerance),
        _flat(pieces),
    ]
    joined = Candidates(*(np.concatenate(f) for f in zip(*found, strict=True)))
    joined = joined.take(np.argsort(joined.angle, kind="stable"))
    # A flat piece never repeats an isolated maximum, so only those are compared.
    twin = np.diff(joined.angle, prepend=-np.inf) < SAME
    twin &= (joined.side == 0) & (np.roll(joined.side, 1) == 0)
    twin &= (joined.low == joined.high) & np.roll(joined.low == joined.high, 1)
    return joined.take(~twin)


def _labelled(
    rows: Rows, sectors: Sectors, weights: NDArray, tolerance: float
) -> Pieces:
    constant = (weights[:, None] * (sectors.groups > 1)).max(axis=0) == 0
    arcs = _first_arcs(sectors, constant)
    done: list[Pieces] = []
    for turn in range(ROUNDS + 1):
        terms = terms_of(rows, sectors, arcs)
        label = _labels(terms, arcs, weights, tolerance)
        label[constant[arcs.sector]] = FLAT
        if turn == ROUNDS:
            label[label == OPEN] = FLAT
        settled = label != OPEN
        done.append(
            _with_slopes(
                terms.take(settled), arcs.take(settled), label[settled], weights
            )
        )
        if settled.all():
            break
        rest, middle = arcs.take(~settled), arcs.centre[~settled]
        arcs = Arcs(
            np.tile(rest.sector, 2),
            np.concatenate([rest.low, middle]),
            np.concatenate([middle, rest.high]),
        )
    arcs, *labels = zip(*done, strict=True)
    joined = Arcs(*(np.concatenate(field) for field in zip(*arcs, strict=True)))
    order = np.lexsort((joined.low, joined.sector))
    return Pieces(joined.take(order), *(np.concatenate(f)[order] for f in labels))


def _first_arcs(sectors: Sectors, constant: Bool[np.ndarray, " s"]) -> Arcs:
    low = sectors.edges
    high = np.append(low[1:], low[0] + 2 * np.pi)
    parts = np.maximum(np.ceil((high - low) / WIDEST), 1).astype(np.int64)
    parts = np.where(constant, 1, parts)
    sector = np.repeat(np.arange(len(low)), parts)
    place = np.arange(len(sector)) - np.repeat(np.cumsum(parts) - parts, parts)
    width, count = (high - low)[sector], parts[sector]
    begin = low[sector] + width * (place / count)
    end = low[sector] + width * ((place + 1) / count)
    return Arcs(sector, begin, np.where(place + 1 == count, high[sector], end))


def _labels(
    terms: Terms, arcs: Arcs, weights: NDArray, tolerance: float
) -> Int[np.ndarray, " c"]:
    bound = enclose(terms, arcs.reach, weights)
    steepest = np.abs(bound.slope) + bound.radius
    label = np.full(len(arcs.low), OPEN)
    label[steepest * 2 * arcs.reach <= tolerance] = FLAT
    label[bound.low > 0] = CONVEX
    label[bound.high < 0] = CONCAVE
    label[np.abs(bound.slope) > bound.radius] = MONOTONE
    return label


def _with_slopes(terms: Terms, arcs: Arcs, label: NDArray, weights: NDArray) -> Pieces:
    centre = terms.slopes(np.zeros_like(arcs.low), weights)
    first, last = (terms.slopes(s * arcs.reach, weights) for s in (-1, 1))
    fixed = [np.where(label == MONOTONE, centre, slope) for slope in (first, last)]
    first, last = (np.where(label == FLAT, 0, slope) for slope in fixed)
    return Pieces(arcs, label, first, last)


def _inside(
    rows: Rows, sectors: Sectors, pieces: Pieces, weights: NDArray, scale: float
) -> Candidates:
    """Zeros of `G'` in concave arcs, by bisection of a decreasing function.

    One that rounding has put just inside a sector, while `G` goes on rising or jumps up
    across the breakpoint, is no maximum.
    """
    bent = (pieces.label == CONCAVE) & (pieces.first > 0) & (pieces.last < 0)
    index, arcs = np.flatnonzero(bent), pieces.arcs.take(bent)
    terms = terms_of(rows, sectors, arcs)
    low, high = -arcs.reach, arcs.reach
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        rising = terms.slopes(middle, weights) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    angle = arcs.centre + np.arctan((low + high) / 2)
    left, right = (jump > STEEP * scale for jump in _jumps(sectors, weights))
    after = (index + 1) % len(bent)
    next_sector = pieces.arcs.sector[after]
    outward = (pieces.last[index - 1] < -STEEP * scale) | left[arcs.sector]
    outward &= (angle - arcs.low < SAME) & (
        pieces.arcs.sector[index - 1] != arcs.sector
    )
    beyond = (pieces.first[after] > STEEP * scale) | right[next_sector]
    beyond &= (arcs.high - angle < SAME) & (next_sector != arcs.sector)
    keep = ~(outward | beyond)
    angle, sector = angle[keep], arcs.sector[keep]
    return Candidates(angle, sector, np.zeros_like(sector), angle, angle)


def _between(
    sectors: Sectors, pieces: Pieces, weights: NDArray, tolerance: float
) -> Candidates:
    """Ends of arcs that rise on the left and fall on the right, or fall off a jump."""
    arcs, label = pieces.arcs, pieces.label
    before = np.roll(np.arange(len(label)), 1)
    rising = (pieces.last > 0) | ((pieces.last == 0) & (label == CONCAVE))
    falling = (pieces.first < 0) | ((pieces.first == 0) & (label == CONCAVE))
    left, right = _jumps(sectors, weights)
    new = arcs.sector != arcs.sector[before]
    # One line alone has two sectors; their arcs are never in one another's place.
    left, right = (
        np.where(new, jump[arcs.sector], 0) > tolerance for jump in (left, right)
    )
    peak = rising[before] & falling & ~left & ~right
    below, above = rising[before] & left, falling & right
    sides = [(peak, 0, arcs.sector), (below, -1, arcs.sector[before])]
    sides.append((above, 1, arcs.sector))
    sector = np.concatenate([s[keep] for keep, _, s in sides])
    angle = np.concatenate([arcs.low[keep] for keep, _, _ in sides])
    side = np.concatenate([np.full(keep.sum(), where) for keep, where, _ in sides])
    return Candidates(angle, sector, side, angle, angle)


def _jumps(sectors: Sectors, weights: NDArray) -> tuple[NDArray, NDArray]:
    """How far `G` drops from its left and its right limit at every breakpoint."""
    lost = weights[:, None] * sectors.constant
    single = sectors.groups == 1
    gone = np.roll(single, 1, axis=1) & sectors.leaving
    left = np.where(gone, np.roll(lost, 1, axis=1), 0).sum(axis=0)
    return left, np.where(single & sectors.entering, lost, 0).sum(axis=0)


def _flat(pieces: Pieces) -> Candidates:
    """Runs of arcs on which `G` is constant, unless it rises beyond either end."""
    flat, arcs = pieces.label == FLAT, pieces.arcs
    begins = flat & (np.diff(arcs.sector, prepend=-1) != 0)
    begins |= flat & ~np.roll(flat, 1)
    start = np.flatnonzero(begins)
    ends = flat & (np.diff(arcs.sector, append=-1) != 0)
    ends |= flat & ~np.roll(flat, -1)
    end = np.flatnonzero(ends)
    # Inside a sector a run has neighbours; at its ends the run itself is a maximum.
    count = len(flat)
    same_left = arcs.sector[start - 1] == arcs.sector[start]
    same_right = arcs.sector[(end + 1) % count] == arcs.sector[end]
    peak = ~(same_left & (pieces.last[start - 1] < 0))
    peak &= ~(same_right & (pieces.first[(end + 1) % count] > 0))
    low, high = arcs.low[start[peak]], arcs.high[end[peak]]
    sector = arcs.sector[start[peak]]
    return Candidates((low + high) / 2, sector, np.zeros_like(sector), low, high)
