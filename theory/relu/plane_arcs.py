"""Arcs of the circle on each of which it is proved where one unit explains most.

Parts of sectors are split until each arc has a label that `theory.relu.plane_cells`
proves, rounding included: `G` is monotone, concave or convex on it, or varies by less
than rounding. Its largest value is then at an end or at the one maximum of a concave
arc, and `highest` bounds it. What does not come to that after `ROUNDS` halvings keeps
the bound of its last enclosure and is counted.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.relu.plane_cells import Arcs, Terms, enclose, terms_of
from theory.relu.plane_rows import Rows
from theory.relu.plane_sectors import (
    Moments,
    Sectors,
    loss_of_precision,
    moments_of,
)

# Halvings after which an arc is as narrow as floats can tell.
ROUNDS = 60
# Variation that is rounding, in units of Σ α_i η_i e_i. Slopes miss no more than about
# 40 of these along an arc.
LEVEL = 64
# An arc that spans more than this ratio is split at the geometric mean.
RATIO = 4.0
# Below this share of where ‖a‖ and σ‖c‖ are equal, hidden values hardly change.
CLOSE = 1 / 4

MONOTONE, CONCAVE, CONVEX, FLAT, OPEN = range(5)


class Labelled(NamedTuple):
    """Labelled arcs in the order of angle.

    `turn` is `σ` of the maximum or minimum inside a concave or convex arc, else NaN.
    `highest` is at least `Σ α_i g_i` anywhere on the arc.
    """

    arcs: Arcs
    label: Int[np.ndarray, " c"]
    turn: Float[np.ndarray, " c"]
    highest: Float[np.ndarray, " c"]


class Problem(NamedTuple):
    """Rows, sectors and moments, and the weights: all that the search needs."""

    rows: Rows
    sectors: Sectors
    moments: Moments
    weights: Float[np.ndarray, " k"]
    energy: Float[np.ndarray, " k"]

    @property
    def missed(self) -> Float[np.ndarray, " k"]:
        """`η_i`, see `loss_of_precision`."""
        return loss_of_precision(self.rows)

    @property
    def rounding(self) -> float:
        """`Σ α_i η_i e_i`."""
        return float(self.weights @ (self.missed * self.energy))

    @property
    def tolerance(self) -> float:
        """Variation that is rounding."""
        return LEVEL * self.rounding

    @property
    def constant(self) -> Bool[np.ndarray, " s"]:
        """Sectors in which nothing varies."""
        return np.all(self.sectors.fixed | (self.weights[:, None] == 0), axis=0)

    def varying(self, part: Int[np.ndarray, " c"]) -> Float[np.ndarray, "k c"]:
        """`α_i`, 0 for tasks that explain a constant."""
        fixed = self.sectors.fixed[:, self.sectors.sector[part]]
        return np.where(fixed, 0, self.weights[:, None])

    def terms(self, arcs: Arcs) -> Terms:
        """Moments around the arcs' centres."""
        varying = self.varying(arcs.part)
        return terms_of(self.moments, arcs, varying, self.energy, self.missed)

    def explained(self, arcs: Arcs, at: Float[np.ndarray, " c"]) -> NDArray:
        """`G` at `σ`, one an arc, as a limit from within the sector.

        From moments and sums of positive terms: it misses at most `4 Σ α_i η_i e_i`.
        """
        m, part = self.moments, arcs.part
        # From v to u where arcs are counted from v.
        high = np.where(arcs.from_v, 1 - at, at)
        low = np.where(arcs.from_v, at, 1 - at)
        square = low**2 * m.aa[:, part] + 2 * low * high * m.ac[:, part]
        square += high**2 * m.cc[:, part]
        moment = low * m.a_y[:, part] + high * m.c_y[:, part]
        varying = self.varying(part)
        used = (varying > 0) & (square > 0)
        share = np.where(used, moment**2 / np.where(used, square, 1), 0)
        fixed = np.where(
            self.sectors.groups == 1, self.weights[:, None] * self.sectors.constant, 0
        )
        constants = fixed.sum(axis=0)[self.sectors.sector[part]]
        return constants + np.sum(varying * share, axis=0)


def problem_of(
    rows: Rows, sectors: Sectors, weights: NDArray, energy: NDArray
) -> Problem:
    """Add the moments; those of constant sectors are not needed."""
    parts = np.arange(len(sectors.sector))
    moments = moments_of(rows, sectors, parts)
    return Problem(rows, sectors, moments, weights, energy)


def labelled_arcs(problem: Problem) -> Labelled:
    """Split the parts of all sectors that are not constant."""
    arcs = _first_arcs(problem)
    done: list[Labelled] = []
    for turn in range(ROUNDS + 1):
        label, highest = _labels(problem, arcs)
        settled = (label != OPEN) | (turn == ROUNDS)
        some = arcs.take(settled)
        label, highest = label[settled], highest[settled]
        done.append(_with_turns(problem, some, label, highest))
        if settled.all():
            break
        arcs = _split(arcs.take(~settled))
    arcs, *fields = zip(*done, strict=True)
    joined = Arcs(*(np.concatenate(field) for field in zip(*arcs, strict=True)))
    place = np.where(joined.from_v, -joined.low, joined.low)
    order = np.lexsort((place, joined.from_v, joined.part))
    return Labelled(joined.take(order), *(np.concatenate(f)[order] for f in fields))


def _first_arcs(problem: Problem) -> Arcs:
    """Both halves of every part, and closest to its end an arc of its own.

    There hidden values of order `a` give way to those of order `σc`, at a `σ` that may
    be tiny and is another for every task.
    """
    m, sectors = problem.moments, problem.sectors
    part = np.flatnonzero(~problem.constant[sectors.sector])
    varying = problem.varying(part) > 0
    found = []
    for from_v, own, other in ((False, m.aa, m.cc), (True, m.cc, m.aa)):
        own, other = own[:, part], other[:, part]
        ratio = np.where(varying & (other > 0), own, np.inf)
        ratio = np.sqrt(ratio / np.where(other > 0, other, 1)).min(axis=0)
        split = np.minimum(CLOSE * ratio, 0.5)
        split = np.where(split > CLOSE / 2, 0.5, split)
        side = np.full(len(part), from_v)
        near = Arcs(part, side, np.zeros(len(part)), split)
        far = Arcs(part, side, split, np.full(len(part), 0.5))
        found += [near.take(split > 0), far.take(split < 0.5)]
    return Arcs(*(np.concatenate(field) for field in zip(*found, strict=True)))


def _split(arcs: Arcs) -> Arcs:
    wide = (arcs.low > 0) & (arcs.high > RATIO * arcs.low)
    middle = np.where(wide, np.sqrt(arcs.low) * np.sqrt(arcs.high), arcs.centre)
    first, second = arcs._replace(high=middle), arcs._replace(low=middle)
    return Arcs(*(np.concatenate(f) for f in zip(first, second, strict=True)))


def _labels(problem: Problem, arcs: Arcs) -> tuple[NDArray, NDArray]:
    """Labels, and what nothing on the arc exceeds whatever the label is."""
    bound = enclose(problem.terms(arcs), arcs.reach)
    varies = (np.abs(bound.slope) + bound.radius) * arcs.reach
    label = np.full(len(arcs.low), OPEN)
    label[2 * varies <= problem.tolerance] = FLAT
    label[bound.low > 0] = CONVEX
    label[bound.high < 0] = CONCAVE
    label[np.abs(bound.slope) > bound.radius] = MONOTONE
    return label, problem.explained(arcs, arcs.centre) + varies


def _with_turns(
    problem: Problem, arcs: Arcs, label: NDArray, highest: NDArray
) -> Labelled:
    ends = np.maximum(
        problem.explained(arcs, arcs.low), problem.explained(arcs, arcs.high)
    )
    proved = np.isin(label, (MONOTONE, CONCAVE, CONVEX))
    highest = np.where(proved, ends, np.maximum(highest, ends))
    bent = np.flatnonzero((label == CONCAVE) | (label == CONVEX))
    turn = np.full(len(label), np.nan)
    some, concave = arcs.take(bent), label[bent] == CONCAVE
    sign = np.where(concave, 1.0, -1.0)
    at, inside, left = _maxima(problem.terms(some), some.reach, sign)
    sigma = np.clip(some.centre + at, some.low, some.high)
    turn[bent[inside]] = sigma[inside]
    # A concave function rises no further than its slope says, along the whole arc.
    value = problem.explained(some, sigma) + left * 2 * some.reach
    value = np.where(concave, value, 0)
    highest[bent] = np.maximum(highest[bent], value)
    return Labelled(arcs, label, turn, highest)


def _maxima(
    terms: Terms, reach: NDArray, sign: NDArray
) -> tuple[NDArray, Bool[np.ndarray, " c"], NDArray]:
    """Maxima of `±G`, concave, whether they are inside, and bounds on `|G'|` there.

    By bisection of a decreasing function. Where it ends at an end of the arc only the
    slope that leads into the arc counts, and none if it falls there beyond rounding.
    """
    first, last = sign * terms.slopes(-reach), sign * terms.slopes(reach)
    inside = (first > 0) & (last < 0)
    low, high = -reach, reach
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        rising = sign * terms.slopes(middle) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    at = np.where(inside, (low + high) / 2, np.where(first > 0, reach, -reach))
    slope = sign * terms.slopes(at)
    inward = np.where(inside, np.abs(slope), np.where(first > 0, -slope, slope))
    return at, inside, np.maximum(inward + terms.room(at), 0)
