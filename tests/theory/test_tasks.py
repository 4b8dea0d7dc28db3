"""Folding rows into statistics, and the messages for rows that cannot be."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import SEED, rows
from theory.tasks import Tasks, TaskStatistics

FIELDS = ("gram", "moment", "energy", "samples")
X = np.arange(12.0).reshape(4, 3) ** 1.5
Y = np.array([1.0, -2.0, 3.0, 0.5])


def assert_same(one: TaskStatistics, other: TaskStatistics) -> None:
    for field in FIELDS:
        # Sums of m < 100 products in another order: m ε of the terms' size.
        value = np.asarray(getattr(one, field))
        scale = 1e2 * np.finfo(float).eps * np.max(np.abs(value), initial=1)
        np.testing.assert_allclose(value, getattr(other, field), atol=scale, rtol=0)


def test_statistics_are_those_of_the_definition():
    found = TaskStatistics.from_data([X, 2 * X], [Y, Y[:, None]])
    np.testing.assert_allclose(found.gram, [X.T @ X, 4 * X.T @ X], rtol=1e-14)
    np.testing.assert_allclose(found.moment, [X.T @ Y, 2 * X.T @ Y], rtol=1e-14)
    np.testing.assert_allclose(found.energy, [Y @ Y] * 2, rtol=1e-14)
    np.testing.assert_array_equal(found.samples, [4, 4])
    assert (found.count, found.dimension) == (2, 3)


@settings(max_examples=15)
@given(seed=SEED, size=st.integers(1, 20), order=st.randoms(use_true_random=False))
def test_blocks_of_any_size_in_any_order_give_the_same_statistics(seed, size, order):
    xs, ys = rows(seed, 3, 2)
    blocks = [
        (task, x[i : i + size], y[i : i + size])
        for task, (x, y) in enumerate(zip(xs, ys, strict=True))
        for i in range(0, len(y), size)
    ]
    order.shuffle(blocks)
    assert_same(
        TaskStatistics.from_blocks(iter(blocks)), TaskStatistics.from_data(xs, ys)
    )


def test_stack_and_select_join_and_part_tasks():
    xs, ys = rows(0, 3, 2)
    whole = TaskStatistics.from_data(xs, ys)
    singles = [
        TaskStatistics(
            whole.gram[i], whole.moment[i], whole.energy[i], whole.samples[i]
        )
        for i in range(3)
    ]
    assert_same(TaskStatistics.stack(singles), whole)
    assert_same(whole.select([2, 0]), TaskStatistics.stack([singles[2], singles[0]]))
    with pytest.raises(ValueError, match="no task 3 among 3"):
        whole.select([3])
    with pytest.raises(ValueError, match="give at least one"):
        TaskStatistics.stack([])
    other = TaskStatistics(*(jnp.ones(s) for s in ((4, 4), (4,), (), ())))
    with pytest.raises(ValueError, match="task 1: moment has d = 4"):
        TaskStatistics.stack([singles[0], other])


def test_padding_changes_nothing():
    xs, ys = [X, X[:2]], [Y, Y[:2]]
    tasks = Tasks.from_data(xs, ys)
    assert tasks.covariates.shape == (2, 4, 3)
    np.testing.assert_array_equal(tasks.mask, [[1, 1, 1, 1], [1, 1, 0, 0]])
    np.testing.assert_array_equal(tasks.covariates[1, 2:], 0)
    np.testing.assert_array_equal(tasks.labels[1, 2:], 0)
    assert_same(tasks.statistics(), TaskStatistics.from_data(xs, ys))


def spoiled(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    array = array.copy()
    array[index] = value
    return array


BAD = [
    ([X, X[:, :2]], [Y, Y], r"task 1.*covariates has d = 2.*d = 3"),
    ([X, X], [Y, Y[:3]], r"task 1.*covariates has 4 rows and labels has 3"),
    ([X, X[:0]], [Y, Y[:0]], r"task 1.*is empty"),
    ([X, X[:, :0]], [Y, Y], r"task 1.*covariates has no columns"),
    ([X, spoiled(X, (2, 1), np.nan)], [Y, Y], r"task 1.*covariates.*row 2, column 1"),
    ([X, X], [Y, spoiled(Y, (3,), np.inf)], r"task 1.*labels has inf at row 3"),
    ([X, X], [Y, spoiled(Y, (0,), 1e200)], r"task 1.*labels.*too large: rescale"),
    ([X, X[0]], [Y, Y], r"task 1.*covariates must be m x d"),
    ([X, X], [Y, np.stack([Y, Y], 1)], r"task 1.*labels must be one column"),
    ([X, np.full((4, 3), "a")], [Y, Y], r"task 1.*covariates is not an array of num"),
    ([X, [[1.0], [2.0, 3.0]]], [Y, Y], r"task 1.*covariates is not an array of num"),
    ([X], [Y, Y], r"covariates has 1 tasks and labels has 2"),
    ([], [], r"at least one task"),
]


@pytest.mark.parametrize(("covariates", "labels", "message"), BAD)
@pytest.mark.parametrize("kind", [TaskStatistics, Tasks])
def test_bad_rows_are_refused_by_task_and_field(kind, covariates, labels, message):
    with pytest.raises(ValueError, match=message):
        kind.from_data(covariates, labels)


@pytest.mark.parametrize("kind", [TaskStatistics, Tasks])
def test_constant_labels_are_refused_but_in_a_single_row(kind):
    flat = np.full(4, 2.5)
    with pytest.raises(ValueError, match=r"task 1 \(b\): labels are constant \(2.5 in"):
        kind.from_data([X, X], [Y, flat], names=["a", "b"])
    kind.from_data([X, X[:1]], [Y, flat[:1]])


def test_constant_labels_are_refused_in_blocks():
    flat = np.full(4, 2.5)
    blocks = [(0, X[:2], flat[:2]), (0, X[2:], flat[2:])]
    with pytest.raises(ValueError, match="task 0: labels are constant"):
        TaskStatistics.from_blocks(blocks)
    # Constant in each block, not in the task.
    TaskStatistics.from_blocks([(0, X[:2], flat[:2]), (0, X[2:], -flat[2:])])


def test_names_are_used_and_must_fit():
    with pytest.raises(ValueError, match=r"task 1 \(mice\): covariates"):
        TaskStatistics.from_data([X, X[:, :2]], [Y, Y], names=["men", "mice"])
    with pytest.raises(ValueError, match="names has 1 entries for 2 tasks"):
        TaskStatistics.from_data([X, X], [Y, Y], names=["men"])


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "no blocks"),
        ([(1, X, Y)], "task 0 is empty"),
        ([(-1, X, Y)], "integer >= 0, got -1"),
        ([(True, X, Y)], "integer >= 0, got True"),
        ([(0, X, Y), (1, X[:, :2], Y)], r"task 1.*d = 2"),
        (
            [(0, X, Y), (0, spoiled(X, (1, 0), np.nan), Y)],
            "covariates has nan at row 5",
        ),
        # Each block is finite and their sum is not.
        ([(0, X, 1e154 * Y / 4), (0, X, Y * 3e153), (0, X, Y * 3.4e153)], "overflow"),
    ],
)
def test_bad_blocks_are_refused(blocks, message):
    with pytest.raises(ValueError, match=message):
        TaskStatistics.from_blocks(blocks)


def test_32_bit_and_integer_rows_are_summed_in_64_bits():
    x = np.full((3, 1), 1 + 2.0**-12, np.float32)
    found = TaskStatistics.from_data([x, x.astype(int)], [[1, 2, 4], [1, 0, 1]])
    assert found.gram.dtype == jnp.float64
    assert found.gram[0, 0, 0] == 3 * (1 + 2.0**-12) ** 2
