"""Brute force = dynamic programme = mixed-integer programme, on random tables."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.theory.grouping.brute_force import best_value, pairs, table
from theory.grouping import PairScores, TableScores, best_groups, service, splits
from theory.grouping.branching import branch_and_bound
from theory.grouping.groups import _by_programme, _checked
from theory.grouping.result import evaluate

CLOSE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}


def problem(seed: int, most: int):
    """Scores of up to `most` tasks, with a number of groups or costs and a budget."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1 if seed % 3 else 2, most + 1))
    if seed % 3:
        few = int(min(2**k - 1, rng.integers(2, 14)))
        scores = table(rng, k, few)
    else:
        k = min(k, 4)
        scores = pairs(rng, k, single=bool(seed % 2), step=0.5 * (seed % 4 == 1))
    limits: dict = {"number": int(rng.integers(1, 4))}
    if seed % 5 > 2:
        count = k if isinstance(scores, PairScores) else len(scores.scores)
        price = [
            np.ones(count),
            rng.integers(1, 4, count) / 2,
            rng.uniform(1, 2, count),
        ]
        costs = price[seed % 3]
        limits = {"costs": costs, "budget": float(1.5 * costs.max())}
        if seed % 2:
            limits["number"] = 2
    return scores, limits, rng.uniform(0.1, 2, k) if seed % 4 == 2 else None


def compare(seed: int, most: int) -> None:
    """One table by all three methods."""
    scores, limits, weights = problem(seed, most)
    expected, ways = best_value(scores, **limits, weights=weights)
    found = best_groups(scores, **limits, weights=weights)
    number, costs, budget = map(limits.get, ("number", "costs", "budget"))
    plan = _checked(scores, number, costs, budget, weights)
    programme = _by_programme(plan, 0)
    assert found.optimal
    np.testing.assert_allclose([found.value, programme.value], expected, **CLOSE)
    assert found.tied == (ways > 1)
    worth = np.ones(scores.count) if weights is None else weights
    again = evaluate(scores, [sum(1 << j for j in g) for g in found.groups], worth)
    np.testing.assert_allclose(again.value, found.value, rtol=1e-12)
    assert len(found.groups) <= limits.get("number", 9)
    for task, group in enumerate(found.serving):
        assert task in found.groups[group]
    if "costs" in limits:
        assert spent(scores, limits["costs"], found.groups) <= (
            limits["budget"] * (1 + 1e-9)
        )


def spent(scores, costs, groups) -> float:
    if isinstance(scores, PairScores):
        return sum(costs[len(g) - 1] for g in groups)
    rows = [np.flatnonzero(own).tolist() for own in scores.members]
    return sum(costs[rows.index(list(g))] for g in groups)


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_three_methods_agree(start):
    for seed in range(start, start + 10):
        compare(seed, 6)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_three_methods_agree_on_a_thousand_tables(start):
    for seed in range(start, start + 100):
        compare(seed, 9)


@pytest.mark.parametrize("seed", range(3))
def test_the_programme_goes_on_to_the_optimum(seed):
    """Of all 127 sets, which the solver does not see at once."""
    scores = pairs(np.random.default_rng(seed), 7, single=True)
    programme = _by_programme(_checked(scores, 2, None, None, None), 0)
    assert programme.optimal
    exact = best_groups(scores, 2)
    np.testing.assert_allclose(programme.value, exact.value, **CLOSE)


@pytest.mark.parametrize("seed", range(6))
def test_tasks_above_those_that_fit_one_vector(seed, monkeypatch):
    """With vectors for 2 tasks in place of 9, five tasks reach all loops."""
    for module in (splits, service):
        monkeypatch.setattr(module, "LOW", 2)
    monkeypatch.setattr(service, "BLOCK", 4)
    rng = np.random.default_rng(seed)
    for scores in (table(rng, 6, 14), pairs(rng, 4, single=False), table(rng, 5, 12)):
        for number in (1, 2, 3, 4):
            found, (value, _) = best_groups(scores, number), best_value(scores, number)
            np.testing.assert_allclose(found.value, value, **CLOSE)


@pytest.mark.parametrize("seed", range(8))
def test_branch_and_bound_finds_what_dynamic_programming_finds(seed):
    rng = np.random.default_rng(seed)
    scores = pairs(rng, 8, single=bool(seed % 2))
    weights = rng.uniform(0.1, 2, 8)
    exact = best_groups(scores, 3, weights=weights)
    start = [3, 12, 240]
    parts, optimal = branch_and_bound(scores, weights, 3, start)
    assert optimal
    value = sum(service.pair_service_of(scores, weights, p)[0] for p in parts)
    np.testing.assert_allclose(value, exact.value, **CLOSE)
    stopped, known = branch_and_bound(scores, weights, 3, start, nodes=3)
    assert not known
    assert np.bitwise_or.reduce(stopped) == 255


def test_many_tasks_in_clear_clusters_are_solved_and_others_are_not_called_optimal():
    rng = np.random.default_rng(0)
    cluster = np.arange(24) % 3
    near = (cluster[:, None] == cluster) + 0.01 * rng.normal(size=(24, 24))
    found = best_groups(PairScores(near), 3)
    assert {tuple(cluster[list(g)]) for g in found.groups if len(g) > 1} == {
        (c,) * len(g) for g in found.groups for c in set(cluster[list(g)])
    }
    assert found.tied is None
    random = best_groups(PairScores(rng.normal(size=(22, 22))), 3)
    assert not random.optimal
    assert sorted({t for g in random.groups for t in g}) == list(range(22))


def test_a_table_of_many_tasks_goes_to_the_programme():
    members = np.zeros((4, 22), bool)
    members[0], members[1, :11], members[2, 11:], members[3, :2] = (
        True,
        True,
        True,
        True,
    )
    scores = np.where(members, [[1.0], [2.0], [1.5], [5.0]], np.nan)
    found = best_groups(TableScores(members, scores), 2)
    assert found.optimal
    assert found.tied is False
    assert found.value == pytest.approx(11 * 2 + 11 * 1.5)


@pytest.mark.long
def test_twenty_tasks_fit_in_a_gigabyte():
    scores = pairs(np.random.default_rng(20), 20, single=False)
    tracemalloc.start()
    best_groups(scores, 3)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert memory < 1e9
