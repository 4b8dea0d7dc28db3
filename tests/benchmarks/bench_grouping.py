"""Exact groups by dynamic programming against HiGHS, and the time of many tasks."""

import numpy as np
import pytest

from tests.benchmarks.paired import interleave, quartiles, seconds_of
from tests.theory.grouping.brute_force import pairs
from theory.grouping import best_groups
from theory.grouping.groups import _by_programme, _checked


def test_ratio_to_the_mixed_integer_programme(report, smoke):
    k = 6 if smoke else 10
    scores = pairs(np.random.default_rng(k), k, single=False)
    plan = _checked(scores, 3, None, None, None)
    times = interleave(
        {
            "dynamic": lambda: best_groups(scores, 3).value,
            "HiGHS": lambda: _by_programme(plan, 0).value,
        },
        2 if smoke else 5,
    )
    ratio = quartiles(times["HiGHS"] / times["dynamic"])
    report(f"exact groups, k = {k}, S = 3: HiGHS takes {ratio} times as long")


@pytest.mark.parametrize("k", [16, 20])
def test_seconds_of_many_tasks(k, report, smoke):
    size = 8 if smoke else k
    scores = pairs(np.random.default_rng(size), size, single=False)
    taken = seconds_of(lambda: best_groups(scores, 3).value)
    report(f"exact groups, k = {size}, S = 3: {taken:.2f} s")
