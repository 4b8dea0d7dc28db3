"""Folding rows into statistics, and the messages for rows that cannot be."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import SEED, rows
from theory.linear import shared_optimum
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


def test_padding_changes_nothing():
    xs, ys = [X, X[:2]], [Y, Y[:2]]
    tasks = Tasks.from_data(xs, ys)
    assert tasks.covariates.shape == (2, 4, 3)
    np.testing.assert_array_equal(tasks.mask, [[1, 1, 1, 1], [1, 1, 0, 0]])
    np.testing.assert_array_equal(tasks.covariates[1, 2:], 0)
    np.testing.assert_array_equal(tasks.labels[1, 2:], 0)
    assert_same(tasks.statistics(), TaskStatistics.from_data(xs, ys))


def test_labels_may_be_constant_in_a_single_row_and_in_a_block():
    flat = np.full(4, 2.5)
    for kind in (TaskStatistics, Tasks):
        kind.from_data([X, X[:1]], [Y, flat[:1]])
    TaskStatistics.from_blocks([(0, X[:2], flat[:2]), (0, X[2:], -flat[2:])])


def test_a_single_label_may_be_zero_and_gives_energy_zero():
    found = TaskStatistics.from_data([X, X[:1]], [Y, [0.0]])
    np.testing.assert_array_equal(found.energy[1], 0)
    np.testing.assert_array_equal(found.moment[1], 0)
    assert_same(Tasks.from_data([X, X[:1]], [Y, [0.0]]).statistics(), found)
    # The second task is explained by heads of zero, so the loss is that of the first.
    both, alone = (shared_optimum(found.select(t), 1).loss for t in ([0, 1], [0]))
    np.testing.assert_allclose(both, alone, atol=1e-12 * float(Y @ Y))


@pytest.mark.parametrize("field", ["labels", "column 1"])
def test_a_message_says_that_squares_vanish_and_not_that_there_are_none(field):
    x, y = np.ones((2, 2)), np.array([1.0, 0.0])
    if field == "labels":
        y *= 1e-200
    else:
        x[:, 1] *= 1e-200
    name = "labels' sum of squares" if field == "labels" else r"squares\[1\]"
    with pytest.raises(
        ValueError, match=rf"task 0: .*{name} .* entries that are not 0"
    ):
        TaskStatistics.from_data([x], [y])


def test_32_bit_and_integer_rows_are_summed_in_64_bits():
    x = np.full((3, 1), 1 + 2.0**-12, np.float32)
    found = TaskStatistics.from_data([x, x.astype(int)], [[1, 2, 4], [1, 0, 1]])
    assert found.gram.dtype == jnp.float64
    assert found.gram[0, 0, 0] == 3 * (1 + 2.0**-12) ** 2
