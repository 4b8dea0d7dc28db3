"""Paired tests, Holm's correction and counts of gains, against SciPy and draws."""

from itertools import chain, combinations

import numpy as np
import pytest
from scipy import stats

from paper_checks.judge.paired_tests import (
    Significant,
    holm,
    measurements,
    number_of_gains,
    p_values,
    runs_that_count,
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
    assert str(Significant(2, 1, 4)) == "2 up and 1 down of 4"


def test_one_run_is_no_test_and_equal_runs_show_nothing():
    assert significant(np.ones((3, 1))) is None
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


@pytest.mark.parametrize("gain", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("truly", [0, 8, 12, 13])
def test_the_interval_holds_the_number_that_truly_gains(gain, truly):
    """At no gain, at one within the noise, and at clear ones, runs moving in common."""
    rng = np.random.default_rng(0)
    tasks, runs, trials = 15, 5, 400
    true = np.where(np.arange(tasks) < truly, gain, -gain)[:, None]
    missed = 0
    for _ in range(trials):
        noise = rng.normal(size=(tasks, runs)) + rng.normal(size=runs)
        one = number_of_gains("gains", true + noise)
        missed += not one.low <= np.sum(true > 0) <= one.high
    assert missed / trials < 0.05 + 3 * (0.95 * 0.05 / trials) ** 0.5


def test_a_count_is_wrong_as_often_as_it_says_and_no_less():
    """One task without a gain beside clear ones: the worst case of the proof."""
    rng = np.random.default_rng(1)
    true = np.array([9.0] * 4 + [0.0])[:, None]
    found = [number_of_gains("", true + rng.normal(size=(5, 6))) for _ in range(2_000)]
    wrong = np.mean([one.low > 4 for one in found])
    assert abs(wrong - 0.025) < 4 * (0.025 / 2_000) ** 0.5


def test_one_task_is_students_paired_test():
    gains = np.array([[0.3, 1.2, -0.4, 0.9]])
    overlap = 0.2
    error = gains.std(ddof=1) * np.sqrt(1 / 4 + overlap)
    below = float(stats.t.sf(gains.mean() / error, 3))
    for confidence, low in ((1 - 2 * below - 0.02, 1.0), (1 - 2 * below + 0.02, 0.0)):
        one = number_of_gains("gains", gains, overlap, confidence=confidence)
        assert (one.value, one.low, one.high, one.n) == (1, low, 1, 1)


def test_runs_that_count_are_as_many_as_tell():
    rng = np.random.default_rng(3)
    gains = 1.0 + 1.5 * rng.normal(size=(5, 4))
    runs = runs_that_count(gains, 4)
    assert runs is not None
    for n, tells in ((runs // 2, False), (runs, True)):
        spread = np.resize([-1.0, 1.0], n - n % 2)
        mean, size = gains.mean(1, keepdims=True), gains.std(1, ddof=1, keepdims=True)
        one = number_of_gains("", mean + size * spread)
        assert (one.low >= 4) is tells
    # Of splits that share all of their rows no number tells.
    assert runs_that_count(gains, 4, 10.0) is None


def test_clear_gains_are_counted_and_one_run_is_refused():
    rng = np.random.default_rng(2)
    clear = np.array([5, 5, -5, 5, -5])[:, None] + 0.01 * rng.normal(size=(5, 4))
    one = number_of_gains("gains", clear, 0.1)
    assert (one.value, one.low, one.high, one.n) == (3, 3, 3, 5)
    with pytest.raises(ValueError, match="gains: an interval over runs needs two"):
        number_of_gains("gains", clear[:, :1])
