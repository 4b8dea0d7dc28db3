"""How many tasks gain: the interval against known gains, and against Student's."""

import numpy as np
import pytest
from scipy import stats

from paper_checks.judge.number_of_gains import number_of_gains


def test_the_interval_holds_the_number_that_truly_gains():
    rng = np.random.default_rng(0)
    tasks, runs, trials = 15, 5, 400
    held = 0
    for _ in range(trials):
        # As wide as makes signs of half of the tasks uncertain; runs move in common.
        true = 2 * rng.normal(size=(tasks, 1))
        noise = rng.normal(size=(tasks, runs)) + rng.normal(size=runs)
        one = number_of_gains("gains", true + 3 * noise)
        held += one.low <= np.sum(true > 0) <= one.high
    # 95 % less three standard errors of 400 trials; true gains are not as wide as the
    # flat prior, which makes more of it.
    assert held / trials > 0.95 - 3 * (0.95 * 0.05 / trials) ** 0.5


def test_one_task_is_students_paired_test():
    gains = np.array([[0.3, 1.2, -0.4, 0.9]])
    overlap = 0.2
    error = gains.std(ddof=1) * np.sqrt(1 / 4 + overlap)
    below = float(stats.t.sf(gains.mean() / error, 3))
    for confidence, low in ((1 - 2 * below - 0.02, 1.0), (1 - 2 * below + 0.02, 0.0)):
        one = number_of_gains("gains", gains, overlap, confidence=confidence)
        assert (one.value, one.low, one.high, one.n) == (1, low, 1, 1)


def test_tasks_that_move_together_have_a_wider_interval():
    rng = np.random.default_rng(1)
    common = np.broadcast_to(rng.normal(size=6), (15, 6))
    apart = rng.normal(size=(15, 6))
    apart = apart - apart.mean(axis=1, keepdims=True) + common.mean()
    together, single = (number_of_gains("gains", one) for one in (common, apart))
    assert (together.low, together.high) == (0, 15)
    assert single.high - single.low < 13


def test_clear_gains_are_counted_and_one_run_is_refused():
    rng = np.random.default_rng(2)
    clear = np.array([5, 5, -5, 5, -5])[:, None] + 0.01 * rng.normal(size=(5, 4))
    one = number_of_gains("gains", clear, 0.1)
    assert (one.value, one.low, one.high, one.n) == (3, 3, 3, 5)
    with pytest.raises(ValueError, match="gains: an interval over runs needs two"):
        number_of_gains("gains", clear[:, :1])
