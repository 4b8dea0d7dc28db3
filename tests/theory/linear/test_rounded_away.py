"""Directions of `X` that its Gram matrix rounds away, and ranges of floats."""

import jax.numpy as jnp
import numpy as np
import pytest

from theory.linear import multi_start_optimum, shared_optimum
from theory.tasks import Tasks, TaskStatistics


def turned(condition: float, seed: int = 8) -> tuple[np.ndarray, list[np.ndarray]]:
    """One `X` of this condition number in a random basis, all directions in use."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(40, 4)))[0]
    right = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    x = left @ np.diag(np.geomspace(1, 1 / condition, 4)) @ right.T
    labels = [left @ rng.normal(size=4) + 0.01 * rng.normal(size=40) for _ in range(2)]
    return x, labels


def least(x: np.ndarray, labels: list[np.ndarray]) -> float:
    """Loss of the tasks alone, on the rows."""
    left = np.linalg.svd(x, full_matrices=False)[0]
    return sum(float(np.sum((y - left @ (left.T @ y)) ** 2)) for y in labels)


@pytest.mark.parametrize("condition", [1e6, 1e8, 1e10, 1e12])
@pytest.mark.parametrize("width", [1, 2])
def test_no_bound_is_above_what_rows_reach(condition, width):
    x, labels = turned(condition)
    found = shared_optimum(TaskStatistics.from_data([x, x], labels), width)
    if width == 2:
        assert found.lower_bound <= least(x, labels)
        assert found.loss >= least(x, labels) - found.rounding
    assert not found.certified
    # Accuracy is reported: all of the loss may be rounding from 1e8 on.
    assert condition < 1e8 or found.rounding > 0.1 * found.loss


def test_a_difference_of_columns_that_is_rounded_away_is_not_certified():
    # The reviewer's case: certified at 16.3, where rows reach 0.0012.
    rng = np.random.default_rng(3)
    first, second, *rest = rng.normal(size=(4, 9))
    x = np.stack([first, first + 1e-8 * second, *rest], axis=1)
    labels = [second + 0.01 * rng.normal(size=9) for _ in range(2)]
    direction = np.linalg.lstsq(x, sum(labels), rcond=1e-15)[0]
    fit = x @ direction
    reached = sum(float(y @ y - (y @ fit) ** 2 / (fit @ fit)) for y in labels)
    statistics = TaskStatistics.from_data([x, x], labels)
    for width in (1, 2):
        found = shared_optimum(statistics, width)
        assert not found.certified
        assert found.lower_bound <= reached
    other = multi_start_optimum(statistics, 1, jnp.ones(2))
    assert other.lower_bound <= reached


CASES = ("sum", "copies", "few rows", "empty", "many rows", "rounded sum")


@pytest.mark.parametrize("case", CASES)
def test_columns_that_depend_exactly_are_certified_from_rows(case):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200_000 if case == "many rows" else 40, 4))
    if case != "rounded sum":
        x = np.round(2.0**20 * x) / 2.0**20  # sums of these are exact
    if case in ("sum", "many rows", "rounded sum"):
        x[:, 3] = x[:, 0] + x[:, 1]
    if case == "copies":
        x[:, 3] = 3 * x[:, 0]
    if case == "few rows":
        x = x[:2]
    if case == "empty":
        x[:, 3] = 0
    labels = [x @ rng.normal(size=4) + rng.normal(size=len(x)) for _ in range(2)]
    rows = Tasks.from_data([x, x], labels)
    rank = {"few rows": 2, "rounded sum": 4}.get(case, 3)
    for width in (1, 2):
        found = shared_optimum(rows, width)
        # What rounding leaves of a sum is a direction like any other.
        assert found.certified == (case != "rounded sum")
        assert found.holds_for == "rows"
        np.testing.assert_array_equal(found.rank, rank)
        assert "holds for these rows" in found.describe()
        # From statistics alone a column may differ by what rounding hides, and then
        # explain everything; but not one that is empty.
        known = shared_optimum(rows.statistics(), width)
        assert known.certified == (case == "empty" or (width, case) == (2, "few rows"))
        assert known.lower_bound <= found.loss
        assert known.holds_for == "statistics"


SEED = np.random.default_rng(1)
X = [SEED.normal(size=(9, 4)) for _ in range(2)]
Y = [x.sum(axis=1) + 0.1 * SEED.normal(size=9) for x in X]
GOOD = TaskStatistics.from_data(X, Y)


def test_a_column_of_zeros_is_not_out_of_range():
    tasks = TaskStatistics.from_data([x * [1, 0, 1, 1] for x in X], Y)
    assert shared_optimum(tasks, 2).certified
