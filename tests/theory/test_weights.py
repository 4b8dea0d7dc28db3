"""Weights that can be used, and the task that is named where they cannot."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.weights import check_weights


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (["a", "b"], "task 0: weights must be numbers, got 'a'"),
        ([1, None], "task 1: weights must be numbers, got None"),
        (np.array([1, 1j]), r"task 0: weights must be numbers, got \(1\+0j\)"),
        ([[1, 2], [3]], r"task 0: weights must be numbers, got \[1, 2\]"),
        ([1.0, -1.0], "task 1: weights must be finite and >= 0, got -1.0"),
        ([np.nan, 1.0], "task 0: weights must be finite and >= 0, got nan"),
        ([0.0, np.inf], "task 1: weights must be finite and >= 0, got inf"),
        ([0, 0], "weights are all zero"),
        ([1.0], r"2 tasks, shape \(1,\)"),
        (1.0, r"2 tasks, shape \(\)"),
        (np.ones((3, 2)), r"2 tasks, shape \(3, 2\)"),
    ],
)
def test_what_is_no_weight_names_its_task(weights, message):
    check = getattr(check_weights, "__wrapped__", check_weights)
    with pytest.raises(ValueError, match=message):
        check(weights, 2)


@pytest.mark.parametrize(
    "weights", [None, [1, 1], [1.0, np.True_], np.ones(2, int), jnp.ones(2, bool)]
)
def test_weights_are_floats(weights):
    found = check_weights(weights, 2)
    assert found.dtype == jnp.float64
    np.testing.assert_array_equal(found, np.ones(2))
    assert check_weights(weights, 2, jnp.dtype("float32")).dtype == jnp.float32


def test_several_vectors_have_a_row_each_and_none_is_zero():
    many = np.array([[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_array_equal(check_weights(many, 2, several=True), many)
    with pytest.raises(ValueError, match="all zero"):
        check_weights(np.array([[1.0, 0.0], [0.0, 0.0]]), 2, several=True)
    with pytest.raises(ValueError, match=r"shape \(1, 2, 2\)"):
        check_weights(many[None], 2, several=True)


def test_traced_weights_are_taken_as_they_are():
    found = jax.eval_shape(lambda w: check_weights([w[0], w[1]], 2), jnp.ones(2))
    assert found.shape == (2,)
