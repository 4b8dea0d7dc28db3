"""The population loss against samples, the finite-sample loss, and what must hold."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from tests.theory.differences import differences_agree
from theory.relu import (
    Population,
    loss,
    population_heads,
    population_loss,
    population_task_losses,
    second_moment,
)
from theory.tasks import Tasks

K, T, D, R = 3, 2, 4, 2
value = jax.jit(population_loss)
heads_of = jax.jit(population_heads)
slope_of = jax.jit(jax.grad(population_loss, (1, 2)))
bend_of = jax.jit(jax.hessian(population_loss, 1))


class Problem(NamedTuple):
    population: Population
    shared: Array
    heads: Array
    weights: Array


def problem(seed: int) -> Problem:
    """Tasks whose covariances have ranks 4, 4 and 2."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(K, D, D)) / np.sqrt(D)
    root[2, :, 2:] = 0
    population = Population.from_covariances(
        root @ root.swapaxes(1, 2),
        rng.normal(size=(K, T, D)),
        rng.normal(size=(K, T)),
        rng.uniform(0.1, 1, K),
    )
    return Problem(
        population,
        jnp.asarray(rng.normal(size=(D, R))),
        jnp.asarray(rng.normal(size=(K, R))),
        jnp.asarray(rng.uniform(0.1, 3, K)),
    )


def draw(population: Population, samples: int, rng: np.random.Generator) -> Tasks:
    """Rows of every task, drawn by its definition."""
    z = rng.normal(size=(len(population.root), samples, D))
    x = z @ np.asarray(population.root).swapaxes(1, 2)
    hidden = np.maximum(x @ np.asarray(population.teachers).swapaxes(1, 2), 0)
    y = np.einsum("kmt,kt->km", hidden, population.amplitudes)
    y += np.sqrt(population.noise_variance)[:, None] * rng.normal(size=y.shape)
    return Tasks(jnp.asarray(x), jnp.asarray(y), jnp.ones(y.shape, bool))


def test_loss_is_the_mean_over_samples():
    at = problem(0)
    tasks = draw(at.population, 100_000, np.random.default_rng(1))
    hidden = np.maximum(tasks.covariates @ at.shared, 0)
    square = (np.einsum("kmr,kr->km", hidden, at.heads) - tasks.labels) ** 2
    error = square.std(axis=1) / np.sqrt(square.shape[1])
    found = population_task_losses(at.population, at.shared, at.heads)
    assert np.all(np.abs(found - square.mean(axis=1)) <= 5 * error)
    total = value(at.population, at.shared, at.heads, at.weights)
    np.testing.assert_allclose(total, at.weights @ found, rtol=1e-14)


def test_best_heads_are_stationary_and_no_others_are_better():
    at = problem(2)
    found = heads_of(at.population, at.shared)
    slope = slope_of(at.population, at.shared, found, at.weights)[1]
    # Condition of H, 1e2, times ε times the label energy.
    np.testing.assert_allclose(slope, 0, atol=1e-11)
    least = value(at.population, at.shared, found, at.weights)
    rng = np.random.default_rng(3)
    for step in (1e-3, 1.0):
        other = found + step * jnp.asarray(rng.normal(size=found.shape))
        assert value(at.population, at.shared, other, at.weights) > least


def test_units_that_coincide_share_their_head():
    at = problem(4)
    one = heads_of(at.population, at.shared[:, :1])
    twice = heads_of(at.population, jnp.tile(at.shared[:, :1], 2))
    np.testing.assert_allclose(twice, jnp.tile(one / 2, 2), rtol=1e-12)


def test_teacher_is_an_optimum_with_the_noise_as_its_loss():
    at = problem(5)
    teacher = at.population.teachers[0].T
    one = jax.tree.map(lambda leaf: leaf[:1], at.population)
    heads = heads_of(one, teacher)
    np.testing.assert_allclose(heads, one.amplitudes, rtol=1e-11)
    # E y² of order 1, and sums of a dozen terms: 1e2 ε.
    noise = one.noise_variance[0]
    np.testing.assert_allclose(value(one, teacher, heads), noise, atol=1e-13)
    slope = slope_of(one, teacher, heads, jnp.ones(1))[0]
    np.testing.assert_allclose(slope, 0, atol=1e-13)
    # At angle 0 between unit and teacher the second derivative is right as well.
    curvature = bend_of(one, teacher, heads, jnp.ones(1)).reshape(D * R, D * R)
    assert np.linalg.eigvalsh(curvature)[0] >= -1e-12


def test_gradient_is_that_of_differences_at_a_teacher():
    at = problem(6)

    def loss(shared: jax.Array) -> jax.Array:
        return population_loss(at.population, shared, at.heads, at.weights)

    # ε f/h = 1e-9 of values of order 10.
    teacher = at.population.teachers[1].T
    differences_agree(loss, (teacher,), step=1e-6, atol=1e-7)


def test_vmap_over_modules():
    at = problem(7)
    modules = jnp.stack([at.shared, 2 * at.shared, -at.shared])
    found = jax.vmap(heads_of, (None, 0))(at.population, modules)
    np.testing.assert_allclose(found[1], found[0] / 2, rtol=1e-10)
    np.testing.assert_allclose(found[2], heads_of(at.population, -at.shared))


def test_one_teacher_and_one_covariance_may_be_given_shortly():
    theta = np.array([[1.0, 2.0], [0.0, 1.0]])
    found = Population.from_covariances(2 * np.eye(2), theta, [3.0, -1.0], 0.5)
    energy = 0.5 + np.array([9.0, 1.0]) * np.array(
        [float(second_moment(t, t, 2 * np.eye(2))) for t in theta]
    )
    np.testing.assert_allclose(found.label_energy, energy, rtol=1e-14)


@pytest.mark.long
def test_finite_sample_loss_converges_as_one_over_root_m():
    """Mean absolute error at fixed parameters, slope of its logarithm fitted."""
    at = problem(9)
    wanted = value(at.population, at.shared, at.heads, at.weights)
    sizes, repeats = [4**n for n in range(4, 10)], 200
    finite = jax.jit(loss)
    rng = np.random.default_rng(10)
    mean, error = [], []
    for m in sizes:
        gaps = [
            finite(draw(at.population, m, rng), at.shared, at.heads, at.weights) / m
            - wanted
            for _ in range(repeats)
        ]
        mean.append(np.mean(np.abs(gaps)))
        error.append(np.std(np.abs(gaps)) / np.sqrt(repeats) / mean[-1])
        # No bias: the mean error itself is within five standard errors of zero.
        assert abs(np.mean(gaps)) <= 5 * np.std(gaps) / np.sqrt(repeats), m
    slope, covariance = np.polyfit(
        np.log(sizes), np.log(mean), 1, w=1 / np.array(error), cov="unscaled"
    )
    assert abs(slope[0] + 0.5) <= 5 * np.sqrt(covariance[0, 0]), slope
