"""Paired tests of several comparisons over the same runs, and how many gain."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from paper_checks.judge.measurement import Measurement, decided, plain

LEVEL = 0.05
# `n_test/n_train` of random splits, of all comparisons or of each.
Overlap = float | Float[np.ndarray, " c"]


class Significant(NamedTuple):
    """Comparisons whose mean difference is not 0, by sign, of those tested."""

    up: int
    down: int
    tested: int

    def __str__(self) -> str:
        return f"{self.up} up and {self.down} down of {self.tested}"


def p_values(
    differences: Float[np.ndarray, "c n"], overlap: Overlap = 0.0
) -> Float[np.ndarray, " c"]:
    """Two-sided p-values of Student's paired test, allowing for shared rows.

        t = mean / √((1/n + n_test/n_train) s²),  of n − 1 degrees of freedom

    (Nadeau and Bengio, Machine Learning 52, 2003). Runs that do not differ from one
    another have no spread to test against, and their p-value is 1.

    Args:
        differences: Of each comparison, one a run.
        overlap: `n_test/n_train` of random splits, of all comparisons or of each; 0
            for independent draws.

    Raises:
        ValueError: Fewer than two runs, a difference that is not finite, or a negative
            overlap.
    """
    count, runs = differences.shape
    if runs < 2:
        raise ValueError(f"a test over runs needs two of them, got {runs}")
    if not np.all(np.isfinite(differences)):
        bad = np.count_nonzero(~np.isfinite(differences))
        raise ValueError(f"{bad} of {differences.size} differences are not finite")
    shared = np.broadcast_to(np.asarray(overlap, dtype=float), (count,))
    if not np.all(shared >= 0):
        raise ValueError(f"overlap must be >= 0, got {overlap}")
    # The range: a standard deviation of equal values may be an ε instead of zero.
    spread = np.ptp(differences, axis=1) > 0
    error = differences.std(axis=1, ddof=1) * np.sqrt(1 / runs + shared)
    t = np.abs(differences.mean(axis=1)) / np.where(spread, error, 1)
    return np.where(spread, 2 * stats.t.sf(t, runs - 1), 1.0)


def holm(p: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
    """p-values adjusted for their number (Holm 1979), in the order given.

        p̃_(i) = max_{j ≤ i} min(1, (c − j + 1) p_(j))

    Rejecting where `p̃ ≤ a` rejects a true hypothesis with probability `a` at most,
    whatever the dependence of the tests.

    Raises:
        ValueError: A p-value outside [0, 1].
    """
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p-values must be in [0, 1], got {p}")
    order = np.argsort(p)
    scaled = np.minimum(1, (len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted


def significant(
    differences: Float[np.ndarray, "c n"],
    overlap: Overlap = 0.0,
    level: float = LEVEL,
) -> Significant | None:
    """Comparisons that differ from 0 after Holm's correction; `None` for one run."""
    count, runs = differences.shape
    if runs < 2:
        return None
    told = holm(p_values(differences, overlap)) <= level
    mean = differences.mean(axis=1)
    return Significant(
        up=int(np.sum(told & (mean > 0))),
        down=int(np.sum(told & (mean < 0))),
        tested=count,
    )


def measurements(what: str, found: Significant | None) -> tuple[Measurement, ...]:
    """Numbers of comparisons; none where there was no test."""
    if found is None:
        return ()
    return tuple(
        plain(
            f"{what}: significantly {way} after Holm",
            float(number),
            f"none: a count of paired tests, level {LEVEL}",
            found.tested,
        )
        for way, number in (("up", found.up), ("down", found.down))
    )


def number_of_gains(
    quantity: str,
    gains: Float[np.ndarray, "c n"],
    overlap: Overlap = 0.0,
    *,
    confidence: float = 0.95,
) -> Measurement:
    """Tasks whose mean gain is above 0, and how many of the true gains `μ_i` are.

    Let `p_i` be the one-sided p-value of `μ_i ≤ 0` by the paired test of Nadeau and
    Bengio, `p_(u)` the `u`-th smallest of `c`, and `N` the number of `μ_i > 0`. If
    `N = u − 1`, `p_(u)` is at least the smallest of the `c − u + 1` p-values of tasks
    without a gain, so `(c − u + 1) p_(u) ≤ a` has probability `a` at most, however
    tasks depend on one another. With `u` from 1 on as long as that is so,

        N ≥ max{u : (c − v + 1) p_(v) ≤ a for all v ≤ u}

    is wrong only if `u = N + 1` is among them. Losses bound `N` from above in the same
    way, and each side has `a = (1 − confidence)/2`. This is so for every `μ`: tasks
    that gain little or nothing are not counted as decided.

    Args:
        quantity: What it is.
        gains: Of each task, one a run.
        overlap: `n_test/n_train` of random splits, of all tasks or of each.
        confidence: Of the interval.

    Raises:
        ValueError: Fewer than two runs.

    Source: partial conjunction (Benjamini and Heller, Biometrics 64, 2008), as an
    interval.
    """
    count, runs = gains.shape
    if runs < 2:
        raise ValueError(f"{quantity}: an interval over runs needs two, got {runs}")
    two_sided, mean = p_values(gains, overlap), gains.mean(axis=1)
    up = np.where(mean > 0, two_sided / 2, 1 - two_sided / 2)
    level = (1 - confidence) / 2
    return Measurement(
        quantity=quantity,
        value=float(np.sum(mean > 0)),
        low=float(_at_least(up, level)),
        high=float(count - _at_least(1 - up, level)),
        interval=f"{100 * confidence:.4g} % of true gains, partial conjunction",
        n=count,
    )


def _at_least(p: Float[np.ndarray, " c"], level: float) -> int:
    """How many of the hypotheses are false, at this level."""
    left = np.arange(len(p), 0, -1)
    return int(np.sum(np.logical_and.accumulate(left * np.sort(p) <= level)))


def runs_that_count(
    gains: Float[np.ndarray, "c n"],
    wanted: int,
    overlap: Overlap = 0.0,
    *,
    most: int = 10_000,
) -> int | None:
    """Runs after which `number_of_gains` would tell `wanted` from fewer.

    Takes means and spreads at hand for the true ones. `None` if `most` runs do not
    tell: more of them do not shrink what runs have in common by shared rows.
    """
    mean = gains.mean(axis=1, keepdims=True)
    size = gains.std(axis=1, ddof=1, keepdims=True)
    for runs in np.unique(np.geomspace(2, most, 200).astype(int)).tolist():
        # As many values with the same mean and spread.
        spread = np.resize([-1.0, 1.0], runs)
        spread = (spread - spread.mean()) / spread.std(ddof=1)
        one = number_of_gains("", mean + size * spread, overlap)
        if decided(one, wanted - 0.5) is not None:
            return int(runs)
    return None
