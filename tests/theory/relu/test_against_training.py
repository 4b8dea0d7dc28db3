"""The exact optimum in the plane and that of the population, against training."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from simulations.training import ReluModel, train
from tests.theory.relu.plane import Instance
from theory.relu import Population, plane_optimum, population_heads, population_loss
from theory.tasks import Tasks

ROWS = (25, 15)
heads_of = jax.jit(population_heads)
value_of = jax.jit(population_loss)


def instance(seed: int) -> Instance:
    """Two tasks of ReLU teachers at any angle, stretched inputs, noise, weights."""
    rng = np.random.default_rng([seed, 11])
    stretch = rng.normal(size=(2, 2)) * 10 ** rng.uniform(-1, 1, 2)
    xs = [rng.normal(size=(m, 2)) @ stretch for m in ROWS]
    ys = []
    for x in xs:
        clean = np.maximum(x @ rng.normal(size=2), 0) * rng.choice([-1, 1])
        ys.append(clean + rng.uniform(0, 1) * clean.std() * rng.normal(size=len(x)))
        # A teacher may have no active row.
        ys[-1] += 1e-3 * rng.normal(size=len(x))
    return Instance(xs, ys, 10 ** rng.uniform(-1, 1, 2))


@pytest.mark.long
def test_no_training_from_500_random_starts_is_below_the_exact_optimum():
    reached = []
    for seed in range(40):
        drawn = instance(seed)
        tasks = drawn.tasks()
        best = plane_optimum(tasks, drawn.weights)
        model = ReluModel.from_tasks(tasks)
        key = jax.random.key(seed)
        found = train(model, 1, drawn.weights, key, starts=500)
        # Sums of 40 squares of order of the scale: 1e3 ε of it at most.
        assert float(found.loss) >= float(best.loss) - 1e-12 * drawn.scale, seed
        reached.append(float(found.loss - best.loss) <= 1e-6 * drawn.scale)
    # Else it would be a bound that nothing comes near.
    assert np.mean(reached) > 0.9


def law() -> Population:
    """Two teachers 50 degrees apart, and covariances of their own."""
    covariances = [[[1.0, 0.3], [0.3, 0.5]], [[0.6, -0.2], [-0.2, 1.2]]]
    theta = [[np.cos(a), np.sin(a)] for a in np.deg2rad([20.0, 70.0])]
    return Population.from_covariances(covariances, theta, [1.0, -2.0], 0.04)


def best_angle(population: Population) -> float:
    """Direction of the population's best unit, by a search over the angle."""

    def loss(angle: float) -> float:
        unit = jnp.asarray([[np.cos(angle)], [np.sin(angle)]])
        return float(value_of(population, unit, heads_of(population, unit)))

    grid = np.linspace(-np.pi, np.pi, 721)
    middle = grid[np.argmin([loss(angle) for angle in grid])]
    step = grid[1] - grid[0]
    found: Any = minimize_scalar(
        loss,
        bounds=(middle - step, middle + step),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x)


def trained_angles(population: Population, rows: int, repeats: int) -> np.ndarray:
    rng = np.random.default_rng([rows, 5])
    angles = []
    for repeat in range(repeats):
        z = rng.normal(size=(2, rows, 2))
        x = z @ np.asarray(population.root).swapaxes(1, 2)
        hidden = np.maximum(x @ np.asarray(population.teachers).swapaxes(1, 2), 0)
        y = np.einsum("kmt,kt->km", hidden, population.amplitudes)
        y += np.sqrt(population.noise_variance)[:, None] * rng.normal(size=y.shape)
        tasks = Tasks(jnp.asarray(x), jnp.asarray(y), jnp.ones(y.shape, bool))
        key = jax.random.key(repeat)
        found = train(ReluModel.from_tasks(tasks), 1, None, key, starts=3)
        angles.append(np.arctan2(float(found.shared[1, 0]), float(found.shared[0, 0])))
    return np.array(angles)


@pytest.mark.long
def test_training_approaches_the_best_unit_of_the_population_as_one_over_root_m():
    population = law()
    best = best_angle(population)
    sizes, repeats = [4**n for n in range(4, 7)], 100
    mean, error = [], []
    for m in sizes:
        away = trained_angles(population, m, repeats) - best
        away = (away + np.pi) % (2 * np.pi) - np.pi
        # Without bias: of order 1/m, where the error is of order 1/√m.
        assert abs(np.mean(away)) <= 5 * np.std(away) / np.sqrt(repeats) + 1 / m, m
        mean.append(np.mean(np.abs(away)))
        error.append(np.std(np.abs(away)) / np.sqrt(repeats) / mean[-1])
    slope, covariance = np.polyfit(
        np.log(sizes), np.log(mean), 1, w=1 / np.array(error), cov="unscaled"
    )
    assert abs(slope[0] + 0.5) <= 5 * np.sqrt(covariance[0, 0]), slope
