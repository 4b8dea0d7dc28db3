"""Paired tests and Holm's correction, against SciPy, subsets and draws."""

from itertools import chain, combinations

import numpy as np
import pytest
from scipy import stats

from paper_checks.judge.paired_tests import (
    Significant,
    holm,
    measurements,
    p_values,
    said,
    significant,
)

RNG = np.random.default_rng(0)
# Of sums and quotients of some ten numbers of size one.
ROUNDING = 1e-12


def test_without_shared_rows_it_is_students_test():
    differences = RNG.normal(0.3, 1, size=(5, 7))
    wanted = np.asarray(stats.ttest_1samp(differences, 0, axis=1))[1]
    np.testing.assert_allclose(p_values(differences), wanted, rtol=ROUNDING)
    first, other = RNG.normal(size=(2, 6))
    paired = np.asarray(stats.ttest_rel(first, other))[1]
    found = p_values((first - other)[None])
    np.testing.assert_allclose(found, paired, rtol=ROUNDING)


def test_runs_that_share_rows_are_rejected_no_more_often_than_the_level():
    # Runs correlated as Nadeau and Bengio take them to be: by n_test / (n_test +
    # n_train). Then the corrected t is Student's, and the plain one is not.
    overlap, count, runs = 0.25, 20_000, 10
    shared = overlap / (1 + overlap)
    own = RNG.normal(size=(count, runs)) * np.sqrt(1 - shared)
    draws = own + RNG.normal(size=(count, 1)) * np.sqrt(shared)
    rate = np.mean(p_values(draws, overlap) <= 0.05)
    error = np.sqrt(0.05 * 0.95 / count)
    assert abs(rate - 0.05) < 5 * error
    assert np.mean(p_values(draws) <= 0.05) > 0.2
    # One overlap a comparison.
    some = p_values(draws[:2], np.array([0.0, overlap]))
    np.testing.assert_array_equal(some[:1], p_values(draws[:1]))
    np.testing.assert_array_equal(some[1:], p_values(draws[1:2], overlap))


def closed_bonferroni(p: np.ndarray) -> np.ndarray:
    """Holm's values by their definition as a closed test: the worst subset."""
    places = range(len(p))
    subsets = chain.from_iterable(combinations(places, n + 1) for n in places)
    adjusted = np.zeros(len(p))
    for subset in subsets:
        own = min(1.0, len(subset) * min(p[place] for place in subset))
        for place in subset:
            adjusted[place] = max(adjusted[place], own)
    return adjusted


@pytest.mark.parametrize("count", [1, 2, 7])
def test_holm_is_the_closed_test_of_all_subsets(count: int):
    for scale in (1, 0.05):
        p = scale * RNG.random(count)
        np.testing.assert_allclose(holm(p), closed_bonferroni(p), rtol=ROUNDING)
    tied = np.repeat(0.01, count)
    np.testing.assert_allclose(holm(tied), closed_bonferroni(tied), rtol=ROUNDING)


def test_clear_gains_and_losses_are_told_apart():
    noise = 0.1 * RNG.normal(size=(4, 10))
    level = np.array([2.0, -2, 0, 3])[:, None]
    assert significant(noise + level) == Significant(up=2, down=1, tested=4)
    # A tenth spread out as far as it goes is nothing.
    assert significant(level * np.repeat([1.0, -1], 5)) == Significant(0, 0, 4)
    # Clear alone, and no more among forty that are nothing.
    lone = np.concatenate([[[0.5, 1, 2, 0.7, 1.1]], RNG.normal(size=(40, 5))])
    assert p_values(lone)[0] < 0.05
    found = significant(lone)
    assert found is not None
    assert found.up == 0
    (up, down) = measurements("gain", Significant(2, 1, 4))
    assert (up.value, down.value, up.n) == (2, 1, 4)
    told = said({"one": Significant(2, 1, 4), "other": Significant(0, 3, 5)})
    assert told == (
        "significant after Holm: one 2 up, 1 down of 4, other 0 up, 3 down of 5"
    )


def test_one_run_is_no_test_and_equal_runs_show_nothing():
    assert significant(np.ones((3, 1))) is None
    assert said({"one": None}) == "one run, so no test"
    assert measurements("gain", None) == ()
    np.testing.assert_array_equal(p_values(np.array([[0.0, 0], [2, 2]])), 1)


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="two of them, got 1"):
        p_values(np.ones((3, 1)))
    with pytest.raises(ValueError, match="1 of 4 differences are not finite"):
        p_values(np.array([[1.0, np.nan], [1, 2]]))
    with pytest.raises(ValueError, match="overlap must be >= 0"):
        p_values(np.ones((1, 2)), -0.1)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        holm(np.array([0.2, np.nan]))
