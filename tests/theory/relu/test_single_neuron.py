"""The reduction to the direction of one unit against the loss over its heads."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.strategies import rows
from theory.relu import best_heads, explained_energy, loss, single_neuron_loss
from theory.tasks import Tasks

WEIGHTS = jnp.asarray([0.5, 2.0, 1.0])
value = jax.jit(single_neuron_loss)


def given(seed: int) -> tuple[Tasks, jax.Array]:
    direction = np.random.default_rng(seed).normal(size=4)
    return Tasks.from_data(*rows(seed, 3, 4)), jnp.asarray(direction)


def test_it_is_the_least_loss_over_the_heads():
    for seed in range(5):
        tasks, b = given(seed)
        heads = best_heads(tasks, b[:, None])
        found = value(tasks, b, WEIGHTS)
        least = loss(tasks, b[:, None], heads, WEIGHTS)
        np.testing.assert_allclose(found, least, rtol=1e-12)
        for step in (-0.1, 0.1):
            assert loss(tasks, b[:, None], heads + step, WEIGHTS) > found


def test_only_the_direction_matters_and_its_sign_does():
    tasks, b = given(0)
    for length in (1e-200, 1e200):
        np.testing.assert_allclose(
            value(tasks, length * b), value(tasks, b), rtol=1e-13
        )
    assert abs(value(tasks, -b) - value(tasks, b)) > 1e-3


def test_a_task_without_active_rows_keeps_its_energy():
    tasks, b = given(1)
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
    tasks, b = given(2)
    heads = best_heads(tasks, b[:, None])
    envelope = jax.grad(loss, 1)(tasks, b[:, None], heads, WEIGHTS)[:, 0]
    found = jax.jit(jax.grad(single_neuron_loss, 1))(tasks, b, WEIGHTS)
    # A few dozen operations on energies of order 10.
    np.testing.assert_allclose(found, envelope, atol=1e-11)
    step = 1e-6 * jnp.eye(4)
    differences = [
        (value(tasks, b + h, WEIGHTS) - value(tasks, b - h, WEIGHTS)) / 2e-6
        for h in step
    ]
    np.testing.assert_allclose(found, differences, atol=1e-7)
