"""Derivatives of the certified optimum of two tasks against differences."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.strategies import join, statistics
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics


def central(function, found: TaskStatistics, change: TaskStatistics, step: float):
    ahead = jax.tree.map(lambda x, v: x + step * v, found, change)
    behind = jax.tree.map(lambda x, v: x - step * v, found, change)
    return (function(ahead) - function(behind)) / (2 * step)


def directions(found: TaskStatistics, seed: int) -> TaskStatistics:
    rng = np.random.default_rng(seed)
    change = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), found)
    gram = change.gram + jnp.swapaxes(change.gram, -1, -2)
    return TaskStatistics(gram, change.moment, change.energy, 0 * change.samples)


def test_derivatives_are_those_of_differences():
    found = join(*(statistics(seed, 2, 4) for seed in range(4)))
    change = directions(found, 0)
    weights = jnp.array([0.7, 1.6])

    @jax.jit
    def optimum(s: TaskStatistics, w: jnp.ndarray) -> tuple:
        best = jax.vmap(lambda one: two_task_optimum(one, w))(s)
        return best.loss, best.parameters

    @jax.jit
    def tangent(s: TaskStatistics, v: TaskStatistics, w: jnp.ndarray) -> tuple:
        return jax.jvp(optimum, (s, weights), (v, w))[1]

    ahead, still = jnp.array([0.4, -1.0]), jnp.zeros(2)
    # The angle is known to √ε times a little and differences divide it by 1e-4; their
    # truncation is 1e-8 times third derivatives.
    step, loss_error, error = 1e-4, 1e-6, 1e-4
    by_weight = [
        (x - y) / (2 * step)
        for x, y in zip(
            optimum(found, weights + step * ahead),
            optimum(found, weights - step * ahead),
            strict=True,
        )
    ]
    by_value = central(lambda s: optimum(s, weights)[0], found, change, step)
    by_theta = central(lambda s: optimum(s, weights)[1], found, change, step)
    none = jax.tree.map(jnp.zeros_like, change)
    loss_tangent, theta_tangent = tangent(found, change, still)
    np.testing.assert_allclose(loss_tangent, by_value, atol=loss_error, rtol=loss_error)
    np.testing.assert_allclose(theta_tangent, by_theta, atol=error, rtol=error)
    loss_tangent, theta_tangent = tangent(found, none, ahead)
    np.testing.assert_allclose(
        loss_tangent, by_weight[0], atol=loss_error, rtol=loss_error
    )
    np.testing.assert_allclose(theta_tangent, by_weight[1], atol=error, rtol=error)
