"""The smallest size at which a high-probability statement holds, in a bracket."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from scipy.special import bdtr, bdtrc

from paper_checks.statement import StatementError

# Draws of one call: enough for a batched program, few enough to stop soon.
BATCH = 512

# Room left on the right side, negative where the conclusion fails, for problems
# (their places), sizes and keys; one of each an entry.
Slack = Callable[
    [Int[np.ndarray, " n"], Float[np.ndarray, " n"], Key[Array, " n"]],
    Float[Array, " n"],
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
        probes: Sizes that are tried at most, the two ends with them.
        resolution: A bracket whose ends are no further apart is not divided.
    """

    failure: float = 0.05
    confidence: float = 0.95
    first: int = 32
    looks: int = 8
    probes: int = 16
    resolution: float = 1.05

    def __post_init__(self) -> None:
        """Refuse what cannot end in a bracket."""
        for name in ("failure", "confidence"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be in (0, 1), got {getattr(self, name)}")
        for name, least in {"first": 1, "looks": 1, "probes": 3}.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} must be at least {least}, got {getattr(self, name)}"
                )
        if not self.resolution > 1:
            raise ValueError(f"resolution must be above 1, got {self.resolution}")
        if (1 - self.failure) ** self.most_draws > self.level:
            raise ValueError(
                f"{self.most_draws} draws without a failure are no proof of a rate "
                f"below {self.failure} at level {self.level:.2g}: more looks are needed"
            )

    @property
    def most_draws(self) -> int:
        """Draws at one size."""
        return self.first * 2 ** (self.looks - 1)

    @property
    def level(self) -> float:
        """Chance of error that each test may have, by the union bound."""
        return (1 - self.confidence) / (self.probes * self.looks)


class Brackets(NamedTuple):
    """Where the smallest sufficient size lies, for `n` problems.

    The threshold is in `[low, high]` with the confidence of the budget, each by
    itself. `high` is infinite where no size in range was seen to be enough, and the
    least size of the range where that one is.
    """

    low: Float[np.ndarray, " n"]
    high: Float[np.ndarray, " n"]
    least: Float[np.ndarray, " n"]
    most: Float[np.ndarray, " n"]
    draws: Int[np.ndarray, " n"]

    @property
    def everywhere(self) -> Bool[np.ndarray, " n"]:
        """Whether the least size in range is enough already."""
        return self.high <= self.least

    @property
    def reached(self) -> Bool[np.ndarray, " n"]:
        """Whether some size in range is enough."""
        return np.isfinite(self.high)

    @property
    def inside(self) -> Bool[np.ndarray, " n"]:
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

    Let `p(m)` be the probability that it fails at size `m`, non-increasing on
    `[least, most]` (assumed, not checked). Wanted is the smallest whole `m` with
    `p(m) ≤ δ`. Sizes are bisected on a logarithmic scale. At a size the number `k` of
    failures in `n` fresh draws is looked at after `first`, `2·first`, ... draws:

        P(Bin(n, δ) ≥ k) ≤ ε  ⟹  too small,    P(Bin(n, δ) ≤ k) ≤ ε  ⟹  enough,

    which are the ends of Clopper and Pearson's interval against `δ`. At any size one
    of these can be wrong, with probability at most `ε` a look, so with `ε = (1 −
    confidence)/(probes · looks)` the bracket is right with `confidence`, however sizes
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
        ValueError: No problem, or a range that is empty or below 1.
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
    """Bisections of all problems side by side; arrays have an entry a problem."""

    low: Float[np.ndarray, " n"]
    most: Float[np.ndarray, " n"]
    budget: Budget
    high: Float[np.ndarray, " n"] = field(init=False)
    # Sizes that stayed open: the smallest and the largest of them.
    undecided: Float[np.ndarray, "2 n"] = field(init=False)
    size: Float[np.ndarray, " n"] = field(init=False)
    tried: Int[np.ndarray, " n"] = field(init=False)
    drawn: Int[np.ndarray, " n"] = field(init=False)
    failed: Int[np.ndarray, " n"] = field(init=False)
    due: Int[np.ndarray, " n"] = field(init=False)
    total: Int[np.ndarray, " n"] = field(init=False)
    done: Bool[np.ndarray, " n"] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.low)
        self.least = self.low.copy()
        self.high = np.full(count, np.inf)
        self.undecided = np.full((2, count), np.nan)
        self.tried, self.total = np.zeros(count, int), np.zeros(count, int)
        self.drawn, self.failed = np.zeros(count, int), np.zeros(count, int)
        self.due = np.full(count, self.budget.first)
        self.done = np.zeros(count, bool)
        # If the largest size is too small nothing else needs to be tried.
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
        budget = self.budget
        too_small = bdtrc(k - 1, n, budget.failure) <= budget.level
        enough = bdtr(k, n, budget.failure) <= budget.level
        size = self.size[place]
        if too_small:
            self.low[place] = size
        elif enough:
            self.high[place] = size
        elif n >= budget.most_draws:
            old = self.undecided[:, place]
            self.undecided[:, place] = np.fmin(old[0], size), np.fmax(old[1], size)
        else:
            while self.due[place] <= n:
                self.due[place] *= 2
            return
        self._next(place)

    def _next(self, place: int) -> None:
        """Choose another size, or end."""
        self.tried[place] += 1
        self.drawn[place] = self.failed[place] = 0
        self.due[place] = self.budget.first
        low, high = self.low[place], self.high[place]
        if low >= self.most[place] or high <= self.least[place]:
            self.done[place] = True
        elif self.tried[place] == 1:
            self.size[place] = self.least[place]
        else:
            below, above = self.undecided[:, place]
            top = min(high, self.most[place])
            ends = [(low, top)] if np.isnan(below) else [(low, below), (above, top)]
            start, end = max(ends, key=lambda gap: gap[1] / gap[0])
            size = float(np.rint(np.sqrt(start * end)))
            fine = end / start <= self.budget.resolution or not start < size < end
            self.done[place] = fine or self.tried[place] >= self.budget.probes
            self.size[place] = size
