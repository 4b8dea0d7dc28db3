"""Paired tests of several comparisons over the same runs, and how many gain."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from paper_checks.judge.measurement import Measurement, plain

LEVEL = 0.05
# Quantiles of counts move by one in a hundred seeds or fewer.
DRAWS = 20_000
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
    seed: int = 0,
) -> Measurement:
    """Tasks whose mean gain is above 0, and how many it may be of the true gains.

    Of `n` runs with mean gains `m` and differences `D` from them, the true gains are

        μ = m + √(1/n + n_test/n_train) D w/√(n − 1) · √((n − 1)/χ²),

    `w` standard normal of `n` entries and `χ²` of `n − 1` degrees of freedom: given
    the runs, each `μ_i` is Student's, by the paired test of Nadeau and Bengio, and
    tasks move together as they do in the runs. The interval is that of the number of
    `μ_i > 0`. Tasks that gain nothing are counted half of the time, so that a count by
    chance, such as 8 of 15, has a wide one.

    Args:
        quantity: What it is.
        gains: Of each task, one a run.
        overlap: `n_test/n_train` of random splits, of all tasks or of each.
        confidence: Of the interval.
        seed: Of the draws.

    Raises:
        ValueError: Fewer than two runs.

    Source: derived here; posterior of a flat prior.
    """
    count, runs = gains.shape
    if runs < 2:
        raise ValueError(f"{quantity}: an interval over runs needs two, got {runs}")
    mean = gains.mean(axis=1)
    shared = np.broadcast_to(np.asarray(overlap, dtype=float), (count,))
    size = np.sqrt((1 / runs + shared) / (runs - 1))
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((DRAWS, runs))
    tail = np.sqrt((runs - 1) / rng.chisquare(runs - 1, (DRAWS, 1)))
    true = mean + tail * (normal @ (gains - mean[:, None]).T) * size
    numbers = np.sum(true > 0, axis=1)
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(numbers, ends, method="inverted_cdf")
    value = int(np.sum(mean > 0))
    return Measurement(
        quantity=quantity,
        value=float(value),
        low=float(min(low, value)),
        high=float(max(high, value)),
        interval=f"{100 * confidence:.4g} % of true gains, by runs",
        n=count,
    )
