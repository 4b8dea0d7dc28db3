"""The ReLU loss, its heads and one unit's loss by direction against the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.strategies import rows
from theory.relu import (
    best_heads,
    explained_energy,
    loss,
    single_neuron_loss,
    task_losses,
)
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


ALPHA = jnp.asarray([0.5, 2.0, 1.0])
value = jax.jit(single_neuron_loss)


def one_unit(seed: int) -> tuple[Tasks, jax.Array]:
    direction = np.random.default_rng(seed).normal(size=4)
    return Tasks.from_data(*rows(seed, 3, 4)), jnp.asarray(direction)


def test_it_is_the_least_loss_over_the_heads():
    for seed in range(5):
        tasks, b = one_unit(seed)
        heads = best_heads(tasks, b[:, None])
        found = value(tasks, b, ALPHA)
        least = loss(tasks, b[:, None], heads, ALPHA)
        np.testing.assert_allclose(found, least, rtol=1e-12)
        for step in (-0.1, 0.1):
            assert loss(tasks, b[:, None], heads + step, ALPHA) > found


def test_only_the_direction_matters_and_its_sign_does():
    tasks, b = one_unit(0)
    for length in (1e-200, 1e200):
        np.testing.assert_allclose(
            value(tasks, length * b), value(tasks, b), rtol=1e-13
        )
    assert abs(value(tasks, -b) - value(tasks, b)) > 1e-3


def test_a_task_without_active_rows_keeps_its_energy():
    tasks, b = one_unit(1)
    b = jnp.abs(b)
    dead = Tasks(
        tasks.covariates.at[1].set(-jnp.abs(tasks.covariates[1])),
        tasks.labels,
        tasks.mask,
    )
    explained = explained_energy(dead, b)
    assert explained[1] == 0
    assert np.all(explained[jnp.asarray([0, 2])] > 0)
    slope = jax.grad(lambda x: explained_energy(dead, x)[1])(b)
    np.testing.assert_array_equal(slope, 0)
    zero = jax.value_and_grad(single_neuron_loss, 1)(tasks, jnp.zeros(4))
    np.testing.assert_allclose(zero[0], jnp.sum(tasks.labels**2), rtol=1e-14)
    np.testing.assert_array_equal(zero[1], 0)


def test_gradient_is_that_of_the_loss_at_the_best_heads():
    tasks, b = one_unit(2)
    heads = best_heads(tasks, b[:, None])
    envelope = jax.grad(loss, 1)(tasks, b[:, None], heads, ALPHA)[:, 0]
    found = jax.jit(jax.grad(single_neuron_loss, 1))(tasks, b, ALPHA)
    # A few dozen operations on energies of order 10.
    np.testing.assert_allclose(found, envelope, atol=1e-11)
