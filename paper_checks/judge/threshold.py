"""The smallest size at which a high-probability statement holds, in a bracket."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from scipy.special import bdtr, bdtrc

from paper_checks.judge.statement import StatementError

# Draws of one call: enough for a batched program, few enough to stop soon.
BATCH = 512

# Room left on the right side, negative where the conclusion fails, for problems
# (their places), sizes and keys; one of each an entry.
Slack = Callable[
    [Int[np.ndarray, " n"], Float[np.ndarray, " n"], Key[Array, " n"]],
    Float[Array, " n"] | Float[np.ndarray, " n"],
]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is asked of a bracket, and what it may cost.

    Attributes:
        failure: `δ`: a size is enough if the conclusion fails there with at most this
            probability.
        confidence: That a bracket is right; all of its tests together are wrong with
            at most the rest.
        first: Draws at a size before it is judged for the first time.
        looks: Times it is judged, each at double the draws; it stays open after that.
        step: Ratio of the sizes that are tried from the largest one down.
        probes: Sizes that are tried at most once one is too small.
        resolution: A bracket whose ends are no further apart is not divided.
    """

    failure: float = 0.05
    confidence: float = 0.95
    first: int = 32
    looks: int = 8
    step: float = 2.0
    probes: int = 12
    resolution: float = 1.05

    def __post_init__(self) -> None:
        """Refuse what cannot end in a bracket."""
        for name in ("failure", "confidence"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be in (0, 1), got {getattr(self, name)}")
        for name in ("first", "looks", "probes"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}"
                )
        for name in ("step", "resolution"):
            if not 1 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 1, got {getattr(self, name)}")

    @property
    def most_draws(self) -> int:
        """Draws at one size."""
        return self.first * 2 ** (self.looks - 1)

    def level(self, least: float, most: float) -> float:
        """Chance of error that each test may have, by the union bound.

        Raises:
            ValueError: At this level draws without a failure decide nothing.
        """
        sizes = np.ceil(np.log(most / least) / np.log(self.step)) + 1 + self.probes
        level = float((1 - self.confidence) / (sizes * self.looks))
        if (1 - self.failure) ** self.most_draws > level:
            raise ValueError(
                f"{self.most_draws} draws without a failure are no proof of a rate "
                f"below {self.failure} at level {level:.2g}: more looks are needed"
            )
        return level


class Brackets(NamedTuple):
    """Where the smallest sufficient size lies, for `n` problems.

    The threshold is in `[low, high]` with the confidence of the budget, each by
    itself. `high` is infinite where the largest size in range was not seen to be
    enough, and the least size where that one is, and all above it.
    """

    low: Float[np.ndarray, "*n"]
    high: Float[np.ndarray, "*n"]
    least: Float[np.ndarray, "*n"]
    most: Float[np.ndarray, "*n"]
    draws: Int[np.ndarray, "*n"]

    @property
    def everywhere(self) -> Bool[np.ndarray, "*n"]:
        """Whether the least size in range is enough already."""
        return self.high <= self.least

    @property
    def reached(self) -> Bool[np.ndarray, "*n"]:
        """Whether the largest size in range is enough."""
        return np.isfinite(self.high)

    @property
    def inside(self) -> Bool[np.ndarray, "*n"]:
        """Whether both ends were measured: what is fitted is of these."""
        return self.reached & (self.low > self.least)

    def said(self, place: int) -> str:
        """One bracket in words."""
        low, high = self.low[place], self.high[place]
        if self.everywhere[place]:
            return f"holds from {self.least[place]:g} on, the least size tried"
        if low >= self.most[place]:
            return f"not reached: {low:g}, the largest size tried, is too small"
        if not self.reached[place]:
            return f"above {low:g}; {self.most[place]:g} was not seen to be enough"
        return f"between {low:g} and {high:g}"


def thresholds(
    slack: Slack,
    least: Float[np.ndarray, "..."],
    most: Float[np.ndarray, "..."],
    key: Key[Array, ""],
    budget: Budget | None = None,
) -> Brackets:
    """Bracket the smallest size from which on a conclusion holds often enough.

    Let `p(m)` be the probability that it fails at size `m`. Wanted is the smallest
    whole `m` with `p ≤ δ` there and at all larger sizes in range. `p` need not fall
    all the way: a small source may be harmless and a larger one not. So sizes are
    tried from `most` down, by `step`, until one is too small; then the gap above it is
    bisected on a logarithmic scale. Assumed and not checked: that `p` does not exceed
    `δ` between two neighbours that are enough, nor at once above `most`, and does not
    increase within the gap. At a size the number `k` of failures in `n` fresh draws is
    looked at after `first`, `2·first`, ... draws:

        P(Bin(n, δ) ≥ k) ≤ ε  ⟹  too small,    P(Bin(n, δ) ≤ k) ≤ ε  ⟹  enough,

    which are the ends of Clopper and Pearson's interval against `δ`. At any size one
    of these can be wrong, with probability at most `ε` a look, so with `ε = (1 −
    confidence)/(sizes · looks)` the bracket is right with `confidence`, however sizes
    were chosen. A size that stays open is near the threshold; the search goes on to
    both of its sides.

    Problems share their calls: each call has `BATCH` draws, of those still open.

    Args:
        slack: Of a problem, at a size, for a draw.
        least: Smallest size of each problem, a whole number.
        most: Largest size of each problem.
        key: Of all draws.
        budget: Level, confidence and cost.

    Raises:
        ValueError: No problem, a range that is empty or below 1, or a budget that
            cannot decide anything.
        StatementError: A slack is NaN.

    Source: Clopper and Pearson 1934; the rest derived here.
    """
    budget = budget or Budget()
    low, top = (np.array(end, float, ndmin=1) for end in (least, most))
    if low.shape != top.shape or not low.size:
        raise ValueError(
            f"least and most must be of one length >= 1, got {low.shape} and "
            f"{top.shape}"
        )
    for place, (start, end) in enumerate(zip(low, top, strict=True)):
        if not (1 <= start < end < np.inf):
            raise ValueError(
                f"problem {place}: sizes must have 1 <= least < most, got {start:g} "
                f"and {end:g}"
            )
    search = _Search(low.copy(), top, budget)
    calls = 0
    while (rows := search.open_rows(BATCH)).size:
        keys = jax.random.split(jax.random.fold_in(key, calls), len(rows))
        found = np.asarray(slack(rows, search.size[rows], keys))
        if np.isnan(found).any():
            place = int(rows[np.argmax(np.isnan(found))])
            raise StatementError(
                f"problem {place}: the slack is NaN at size {search.size[place]:g}"
            )
        search.count(rows, found < 0)
        calls += 1
    return Brackets(search.low, search.high, low, top, search.total)


@dataclass
class _Search:
    """Searches of all problems side by side; arrays have an entry a problem."""

    low: Float[np.ndarray, " n"]
    most: Float[np.ndarray, " n"]
    budget: Budget
    high: Float[np.ndarray, " n"] = field(init=False)
    # Sizes that stayed open: the smallest and the largest of them.
    undecided: Float[np.ndarray, "2 n"] = field(init=False)
    # Sizes tried since one was too small; below zero before that.
    tried: Int[np.ndarray, " n"] = field(init=False)
    size: Float[np.ndarray, " n"] = field(init=False)
    drawn: Int[np.ndarray, " n"] = field(init=False)
    failed: Int[np.ndarray, " n"] = field(init=False)
    due: Int[np.ndarray, " n"] = field(init=False)
    total: Int[np.ndarray, " n"] = field(init=False)
    done: Bool[np.ndarray, " n"] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.low)
        self.least = self.low.copy()
        ends = zip(self.low, self.most, strict=True)
        self.level = [self.budget.level(*pair) for pair in ends]
        self.high = np.full(count, np.inf)
        self.undecided = np.full((2, count), np.nan)
        self.tried, self.total = np.full(count, -1), np.zeros(count, int)
        self.drawn, self.failed = np.zeros(count, int), np.zeros(count, int)
        self.due = np.full(count, self.budget.first)
        self.done = np.zeros(count, bool)
        self.size = self.most.copy()

    def open_rows(self, batch: int) -> Int[np.ndarray, " batch"]:
        """Problems to draw for, in turn; none when all are done."""
        places = np.flatnonzero(~self.done)
        return np.resize(places, batch) if places.size else places

    def count(
        self, rows: Int[np.ndarray, " b"], broken: Bool[np.ndarray, " b"]
    ) -> None:
        """Add draws, and judge the sizes that have enough of them."""
        count = len(self.low)
        new = np.bincount(rows, minlength=count)
        self.drawn += new
        self.total += new
        self.failed += np.bincount(rows[broken], minlength=count)
        for place in np.flatnonzero(~self.done & (self.drawn >= self.due)):
            self._look(int(place))

    def _look(self, place: int) -> None:
        n, k = int(self.drawn[place]), float(self.failed[place])
        delta, level, size = self.budget.failure, self.level[place], self.size[place]
        first, last = self.undecided[:, place]
        if bdtrc(k - 1, n, delta) <= level:
            self.low[place] = size
            self.tried[place] = max(self.tried[place], 0)
            if size >= last:
                self.undecided[:, place] = np.nan
        elif bdtr(k, n, delta) <= level:
            # From the top down: what is below an open size is not known to last.
            if self.tried[place] >= 0 or np.isnan(first):
                self.high[place] = size
            if self.tried[place] >= 0 and size <= first:
                self.undecided[:, place] = np.nan
        elif n >= self.budget.most_draws:
            self.undecided[:, place] = np.fmin(first, size), np.fmax(last, size)
        else:
            while self.due[place] <= n:
                self.due[place] *= 2
            return
        self._next(place)

    def _next(self, place: int) -> None:
        """Choose another size, or end."""
        self.drawn[place] = self.failed[place] = 0
        self.due[place] = self.budget.first
        least, most, size = self.least[place], self.most[place], self.size[place]
        if self.low[place] >= most or self.high[place] <= least:
            self.done[place] = True
        elif self.tried[place] < 0 and size > least:
            self.size[place] = max(least, np.rint(size / self.budget.step))
        else:
            # The least size may not have been too small, but larger ones stayed open.
            self.tried[place] = max(self.tried[place], 0) + 1
            self._divide(place)

    def _divide(self, place: int) -> None:
        low, (below, above) = self.low[place], self.undecided[:, place]
        top = min(self.high[place], self.most[place])
        ends = [(low, top)] if np.isnan(below) else [(low, below), (above, top)]
        start, end = max(ends, key=lambda gap: gap[1] / gap[0])
        size = float(np.rint(np.sqrt(start * end)))
        fine = end / start <= self.budget.resolution or not start < size < end
        self.done[place] = fine or self.tried[place] > self.budget.probes
        self.size[place] = size
