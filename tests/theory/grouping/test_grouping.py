"""Ties, special cases, rules that are not exact, and bad arguments."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.theory.grouping.brute_force import pairs, table
from theory.grouping import (
    Groups,
    PairScores,
    TableScores,
    best_groups,
    evaluate,
    forward_groups,
    merged_groups,
    spectral_groups,
)
from theory.grouping.programme import solve_programme

NAN = np.nan
# Two pairs of friends; 0 gives to everyone.
FRIENDS = np.array([[0, 9, 2, 2], [9, 0, 1, 1], [1, 1, 0, 9], [1, 1, 9, 0.0]])
THREE = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], bool)


def test_groups_of_friends():
    found = best_groups(PairScores(FRIENDS), 2)
    assert set(found.groups) == {(0, 1), (2, 3)}
    assert found.value == 36
    assert found.groups[found.serving[0]] == (0, 1)


def test_affinities_are_source_by_target():
    # 0 helps the others and nobody helps 0.
    gift = np.array([[0, 5, 5], [-1, 0, -1], [-1, -1, 0.0]])
    found = best_groups(PairScores(gift, single=[0, 0, 0]), 3)
    assert set(found.groups) == {(0,), (0, 1), (0, 2)}
    assert found.value == 10


def test_ties_are_told():
    assert best_groups(PairScores(np.ones((4, 4))), 2).tied
    assert not best_groups(PairScores(FRIENDS), 2).tied
    # Two sets serve tasks 0 and 1 equally well; only one more is needed.
    members = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    scores = [[1, 1, NAN], [1, 1, 0], [NAN, NAN, 2]]
    assert best_groups(TableScores(members, scores), 2).tied


def test_more_groups_than_tasks_change_nothing():
    scores = pairs(np.random.default_rng(0), 4, single=True)
    assert best_groups(scores, 4).value == best_groups(scores, 99).value
    assert best_groups(scores).value == best_groups(scores, 4).value


@pytest.mark.parametrize("budget", [3.0, 3 * (1 - 1e-12), 2.9999])
def test_a_budget_is_compared_to_rounding(budget):
    apart = TableScores(np.eye(3, dtype=bool), np.where(np.eye(3), 1.0, NAN))
    costs = [0.1 * 10, 1.0, 1 / 3 * 3]
    if budget > 2.99999:
        assert best_groups(apart, costs=costs, budget=budget).value == 3
    else:
        with pytest.raises(ValueError, match="no groups cover all 3 tasks with a budg"):
            best_groups(apart, costs=costs, budget=budget)


def test_the_programme_does_not_overspend_by_what_its_solver_lets_pass():
    apart = TableScores(np.eye(2, dtype=bool), np.where(np.eye(2), 1.0, NAN))
    costs = np.array([1, 1 + 1e-7])
    assert solve_programme(apart, np.ones(2), None, costs, 2.0).rows is None
    assert solve_programme(apart, np.ones(2), None, costs, 2 + 1e-7).rows == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_rules_never_beat_the_exact_search(seed):
    rng = np.random.default_rng(seed)
    for scores in (pairs(rng, 6, single=True), table(rng, 5, 20)):
        exact = best_groups(scores, 3).value
        rules: list[Callable[..., Groups]] = [merged_groups, forward_groups]
        rules += [spectral_groups] if isinstance(scores, PairScores) else []
        for rule in rules:
            found = rule(scores, 3)
            assert found.value <= exact + 1e-12
            assert not found.optimal
            assert len(found.groups) <= 3


@pytest.mark.parametrize("rule", [merged_groups, spectral_groups])
def test_rules_find_clear_groups(rule):
    found = rule(PairScores(FRIENDS), 2)
    assert set(found.groups) == {(0, 1), (2, 3)}
    assert found.value == 36


def test_forward_selection_takes_all_tasks_first_and_keeps_them():
    found = forward_groups(PairScores(FRIENDS), 2)
    assert set(found.groups) == {(0, 1), (0, 1, 2, 3)}
    assert found.value < best_groups(PairScores(FRIENDS), 2).value


def test_the_value_of_groups_that_leave_a_task_out_is_minus_infinity():
    assert evaluate(PairScores(FRIENDS), [3]).value == -np.inf


def of_sets(scores, members=THREE, **limits):
    return lambda: best_groups(TableScores(members, scores), **limits)


GOOD = np.where(THREE, 1.0, NAN)
BIG = PairScores(np.ones((21, 21)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: PairScores(np.ones((2, 3))),
            "affinity must be k x k, got ",
        ),
        (
            lambda: PairScores([[0, NAN], [1, 0]]),
            r"affinity\[0, 1\] must be finite, got nan",
        ),
        (lambda: PairScores(FRIENDS, [1, 2]), "single must be a list of 4 numbers"),
        (
            of_sets(GOOD, THREE.astype(int)),
            "members must be true or false, got t",
        ),
        (of_sets(GOOD[:2]), r"scores must be 3 x 3, got shape \(2, 3\)"),
        (
            of_sets(np.where(THREE, NAN, NAN)),
            r"scores\[0, 0\] must be finite inside a set, got nan",
        ),
        (
            of_sets(np.ones((3, 3))),
            r"scores\[0, 2\] must be NaN outside a",
        ),
        (
            of_sets(GOOD[[0, 1, 0]], THREE[[0, 1, 0]]),
            r"members\[0\] must be listed once, got 2 rows for the tasks \[0, 1\]",
        ),
        (
            of_sets(np.full((1, 3), NAN), np.zeros((1, 3), bool)),
            r"members\[0\] must be sets of a task or more, got 0",
        ),
        (of_sets(GOOD[:1], THREE[:1]), "task 2 is in none of the 1 listed sets"),
        (
            of_sets(GOOD, number=1),
            "no groups cover all 3 tasks with at most 1 gr",
        ),
        (of_sets(GOOD, number=0), "number must be an integer >= 1, got 0"),
        (of_sets(GOOD, costs=np.ones(3)), "costs was given alone: give costs and"),
        (of_sets(GOOD, budget=2.0), "budget was given alone: give costs and budget"),
        (of_sets(GOOD, costs=np.ones(2), budget=1.0), "costs must be a list of 3 num"),
        (
            of_sets(GOOD, costs=[1, 0, 1], budget=1.0),
            r"costs\[1\] must be .*got 0",
        ),
        (of_sets(GOOD, weights=[1, -1, 1]), "task 1: weights must be .* got -1"),
        (lambda: best_groups(PairScores([[1.0]])), "task 0 has no partner, and groups"),
        (
            lambda: best_groups(BIG, costs=np.ones(21), budget=3.0),
            "affinities of 21 tasks with these costs are beyond the exact search: give",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
