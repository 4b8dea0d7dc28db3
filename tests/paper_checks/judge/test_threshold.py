"""Brackets of a threshold that is known, on statements that cost nothing."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy import stats

from paper_checks.judge.statement import StatementError
from paper_checks.judge.threshold import BATCH, Budget, thresholds

KEY = jax.random.key(0)
WIDE = 1e6


def normal_mean(bound, seed=0):
    """`|z|/√m ≤ bound` for `z ~ N(0, 1)`: enough is `m = (z_{1−δ/2}/bound)²`."""
    rng = np.random.default_rng(seed)

    def slack(rows, sizes, keys):
        assert len(rows) == len(sizes) == len(keys) == BATCH
        error = np.abs(rng.standard_normal(len(rows))) / np.sqrt(sizes)
        return np.asarray(bound)[rows] - error

    return slack


def enough(bound, failure):
    return (stats.norm.isf(failure / 2) / np.asarray(bound)) ** 2


def bracketed(bound, budget, seed=0, least=1.0, most=WIDE):
    count = len(bound)
    ends = np.full(count, least), np.full(count, most)
    return thresholds(normal_mean(bound, seed), *ends, KEY, budget)


@pytest.mark.parametrize("failure", [0.05, 0.3])
def test_brackets_hold_the_threshold_and_are_narrow(failure):
    bound = np.geomspace(0.01, 0.3, 20)
    budget = Budget(failure=failure)
    found = bracketed(bound, budget)
    truth = enough(bound, failure)
    # Twenty brackets of 95 % by a union bound, which is far from sharp: all hold here.
    # Ends are whole numbers, and the threshold is the next one above `truth`.
    assert np.all((found.low <= truth) & (truth <= found.high + 1))
    assert found.inside.all()
    assert np.median(found.high / found.low) < 1.35
    # Twenty sizes from the top down, and some between two of them.
    assert np.all(found.draws < 32 * (budget.most_draws + BATCH))


def test_a_bracket_is_wrong_no_more_often_than_it_says():
    """At a low confidence errors would show: each problem has the same threshold."""
    bound = np.full(60, 0.05)
    budget = Budget(confidence=0.5, first=8, looks=7)
    found = bracketed(bound, budget)
    truth = enough(0.05, budget.failure)
    wrong = np.sum((found.low > truth) | (found.high + 1 < truth))
    assert stats.binomtest(int(wrong), 60, 0.5, alternative="greater").pvalue > 1e-3


def test_fewer_draws_give_a_wider_bracket_and_not_a_wrong_one():
    bound = np.geomspace(0.02, 0.2, 10)
    few = bracketed(bound, Budget(looks=5))
    many = bracketed(bound, Budget(looks=9))
    assert np.median(few.high / few.low) > 1.3 * np.median(many.high / many.low)
    truth = enough(bound, 0.05)
    assert np.all((few.low <= truth) & (truth <= few.high + 1))


def test_what_holds_everywhere_or_nowhere_is_said():
    found = bracketed([10.0, 1e-4, 0.05], Budget(), least=4.0)
    assert found.everywhere.tolist() == [True, False, False]
    assert found.reached.tolist() == [True, False, True]
    assert found.inside.tolist() == [False, False, True]
    assert found.said(0) == "holds from 4 on, the least size tried"
    assert found.said(1) == "not reached: 1e+06, the largest size tried, is too small"
    assert found.said(2).startswith("between ")


def test_a_failure_that_comes_back_above_the_least_size_is_seen():
    """Few rows may be harmless, more not, and many again: the last counts."""
    rng = np.random.default_rng(0)

    def slack(rows, sizes, keys):
        often = np.where((sizes > 60) & (sizes < 900), 0.2, 0.01)
        return np.where(rng.uniform(size=len(rows)) < often, -1.0, 1.0)

    found = thresholds(slack, np.array([10.0]), np.array([1e6]), KEY)
    assert found.low[0] < 900 <= found.high[0] < 1.1 * found.low[0]


def test_a_largest_size_at_the_threshold_stays_open():
    """Its failure rate is that which is allowed: no number of draws decides."""
    most = float(np.rint(enough(0.05, 0.05)))
    found = bracketed([0.05], Budget(looks=6), most=most)
    assert not found.reached[0]
    assert found.low[0] < most
    assert "was not seen to be enough" in found.said(0)


def test_a_size_is_judged_from_the_first_count_on_that_its_level_rules_out():
    """A look at one batch: with `δ = 1/2` both sides are rejected alike."""
    budget = Budget(failure=0.5, first=BATCH, looks=1)
    tail = stats.binom.sf(np.arange(BATCH + 1) - 1, BATCH, 0.5)
    many = int(np.argmax(tail <= budget.level(1.0, 2.0)))

    def bracket(failures):
        def slack(rows, sizes, keys):
            return np.where(np.arange(len(rows)) < failures, -1.0, 1.0)

        return thresholds(slack, np.ones(1), np.full(1, 2.0), KEY, budget)

    assert bracket(many).low[0] == 2
    assert bracket(many - 1).low[0] < 2
    assert bracket(BATCH - many).everywhere[0]
    assert not bracket(BATCH - many + 1).reached[0]


def test_a_slack_that_is_nan_is_named():
    def slack(rows, sizes, keys):
        return np.where(rows == 1, np.nan, 1.0)

    with pytest.raises(StatementError, match=r"problem 1: the slack is NaN at size 9"):
        thresholds(slack, np.ones(2), np.full(2, 9.0), KEY)


@pytest.mark.parametrize(
    ("least", "most", "message"),
    [
        ([], [], "one length >= 1"),
        ([1.0], [2.0, 3.0], "one length >= 1"),
        ([1.0, 5.0], [2.0, 5.0], r"problem 1: .* got 5 and 5"),
        ([0.0], [5.0], "problem 0"),
        ([1.0], [np.inf], "problem 0"),
        ([np.nan], [5.0], "problem 0"),
    ],
)
def test_a_range_that_cannot_be_searched_is_refused(least, most, message):
    with pytest.raises(ValueError, match=message):
        thresholds(normal_mean([1.0]), np.array(least), np.array(most), KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"failure": 0.0},
        {"failure": 1.0},
        {"confidence": 1.0},
        {"first": 0},
        {"looks": 0},
        {"probes": 0},
        {"step": 1.0},
        {"resolution": 1.0},
    ],
    ids=str,
)
def test_a_bad_budget_is_refused(change):
    with pytest.raises(ValueError, match="must be"):
        dataclasses.replace(Budget(), **change)


def test_a_budget_that_decides_nothing_is_refused():
    # 32 draws of which none fails do not show a rate below 5 %.
    with pytest.raises(ValueError, match="32 draws without a failure are no proof"):
        bracketed([0.05], Budget(looks=1))
