"""The ReLU loss and its heads against the definition."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.strategies import rows
from theory.relu import best_heads, loss, task_losses
from theory.tasks import Tasks


def given(seed: int, width: int):
    xs, ys = rows(seed, 3, 4)
    rng = np.random.default_rng(seed)
    return xs, ys, rng.normal(size=(4, width)), rng.normal(size=(3, width))


@pytest.mark.parametrize("width", [1, 3])
def test_loss_is_that_of_the_rows(width):
    xs, ys, shared, heads = given(0, width)
    direct = [
        np.sum((np.maximum(x @ shared, 0) @ a - y) ** 2)
        for x, y, a in zip(xs, ys, heads, strict=True)
    ]
    tasks, both = Tasks.from_data(xs, ys), (jnp.asarray(shared), jnp.asarray(heads))
    np.testing.assert_allclose(task_losses(tasks, *both), direct, rtol=1e-13)
    weights = np.array([0.5, 2.0, 0.0])
    found = loss(tasks, *both, jnp.asarray(weights))
    np.testing.assert_allclose(found, weights @ direct, rtol=1e-13)


@pytest.mark.parametrize("width", [1, 3])
def test_best_heads_are_least_squares_on_the_hidden_values(width):
    xs, ys, shared, _ = given(1, width)
    direct = [
        np.linalg.lstsq(np.maximum(x @ shared, 0), y, rcond=None)[0]
        for x, y in zip(xs, ys, strict=True)
    ]
    found = best_heads(Tasks.from_data(xs, ys), jnp.asarray(shared))
    # Conditions of few rows squared: 1e4 ε at most.
    np.testing.assert_allclose(found, direct, rtol=1e-11, atol=1e-11)


def test_heads_of_a_dead_unit_are_zero():
    xs, ys, shared, _ = given(2, 2)
    xs[1] = np.abs(xs[1])
    shared[:, 0] = -np.abs(shared[:, 0])
    shared[:, 1] = np.abs(shared[:, 1])
    found = best_heads(Tasks.from_data(xs, ys), jnp.asarray(shared))
    assert found[1, 0] == 0
    assert np.isfinite(found).all()
