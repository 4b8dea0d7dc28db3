"""Paired tests of several comparisons over the same runs, with Holm's correction."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from paper_checks.judge.measurement import Measurement

LEVEL = 0.05
# `n_test/n_train` of random splits, of all comparisons or of each.
Overlap = float | Float[np.ndarray, " c"]


class Significant(NamedTuple):
    """Comparisons whose mean difference is not 0, by sign, of those tested."""

    up: int
    down: int
    tested: int


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


def said(found: Mapping[str, Significant | None]) -> str:
    """What to write of comparisons, by what is compared."""
    told = [
        f"{name} {one.up} up, {one.down} down of {one.tested}"
        for name, one in found.items()
        if one is not None
    ]
    if not told:
        return "one run, so no test"
    return f"significant after Holm: {', '.join(told)}"


def measurements(what: str, found: Significant | None) -> tuple[Measurement, ...]:
    """Numbers of comparisons; none where there was no test."""
    if found is None:
        return ()
    return tuple(
        Measurement(
            quantity=f"{what}: significantly {way} after Holm",
            value=float(number),
            low=float("nan"),
            high=float("nan"),
            interval=f"none: a count of paired tests, level {LEVEL}",
            n=found.tested,
        )
        for way, number in (("up", found.up), ("down", found.down))
    )
