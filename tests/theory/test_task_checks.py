"""Refusals that every route shares."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.strategies import statistics
from theory.linear import shared_optimum
from theory.task_checks import check_weights, check_width

PAIR = statistics(0, 2, 4)


@pytest.mark.parametrize("width", [0, -1, 1.5, True, "2", None, np.float64(1.0)])
def test_width_must_be_an_integer_above_0(width):
    with pytest.raises(ValueError, match="width"):
        check_width(width)


def test_the_optimum_checks_its_width():
    for width in (0, True):
        with pytest.raises(ValueError, match="width"):
            shared_optimum(PAIR, width)


def test_an_integer_of_numpy_is_a_width():
    assert shared_optimum(PAIR, np.int64(2)).certified


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"2 tasks, shape \(1,\)"),
        ([1.0, 1.0, 1.0], r"2 tasks, shape \(3,\)"),
        ([[1.0, 1.0]], r"2 tasks, shape \(1, 2\)"),
        ([1.0, -0.5], "task 1: weights must be finite and >= 0, got -0.5"),
        ([np.nan, 1.0], "task 0: weights must be finite"),
        ([1.0, np.inf], "task 1: weights must be finite"),
        ([0.0, 0.0], "weights are all zero"),
        (["a", "b"], "task 0: weights must be numbers, got 'a'"),
        ([1.0, "2"], "task 1: weights must be numbers, got '2'"),
        (np.array(["1", "2"]), "task 0: weights must be numbers, got '1'"),
        ("ab", "task 0: weights must be numbers, got 'ab'"),
        ([1.0, None], "task 1: weights must be numbers, got None"),
        ([1j, 1.0], "task 0: weights must be numbers, got 1j"),
        ([[1.0], [1.0, 2.0]], r"task 0: weights must be numbers, got \[1.0\]"),
    ],
)
def test_weights_are_checked(weights, message):
    with pytest.raises(ValueError, match=message):
        shared_optimum(PAIR, 1, weights)


@pytest.mark.parametrize(
    "weights",
    [[1, 2.0], np.array([1, 2]), jnp.asarray([1.0, 2.0]), list(jnp.ones(2))],
)
def test_weights_may_be_any_sequence_of_numbers(weights):
    assert check_weights(weights, PAIR).dtype == jnp.float64
    traced = jax.jit(lambda w: check_weights([w[0], w[1]], PAIR))(jnp.ones(2))
    np.testing.assert_array_equal(traced, 1)


@pytest.mark.parametrize("field", ["gram", "moment", "energy"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(field, value):
    leaf = getattr(PAIR, field)
    bad = dataclasses.replace(PAIR, **{field: leaf.at[(1,) * leaf.ndim].set(value)})
    with pytest.raises(ValueError, match=f"task 1: {field} has a NaN or an infinity"):
        shared_optimum(bad, 1)


def test_32_bits_are_refused_and_the_remedy_named():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), PAIR)
    with pytest.raises(ValueError, match=r"float32.*jax_enable_x64"):
        shared_optimum(single, 1)
    for field in ("gram", "moment", "energy"):
        mixed = dataclasses.replace(PAIR, **{field: getattr(single, field)})
        with pytest.raises(ValueError, match=r"float32.*jax_enable_x64"):
            shared_optimum(mixed, 1)


def test_a_task_without_task_axis_is_refused():
    single = jax.tree.map(lambda leaf: leaf[0], PAIR)
    with pytest.raises(ValueError, match="statistics of k tasks need"):
        shared_optimum(single, 1)
