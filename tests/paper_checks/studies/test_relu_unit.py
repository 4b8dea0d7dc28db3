"""One ReLU unit for a drawn source and a target of rows, against rows of both."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from paper_checks.studies.relu_unit import Target, draw_source, fit, no_source
from theory.relu import explained_energy, plane_optimum
from theory.tasks import Tasks

KEY = jax.random.key(0)
ROOT = jnp.array([[1.5, 0.2], [0.0, 0.8]])
FIRST, SECOND = jnp.array([0.6, 0.2]), jnp.array([1.8, 1.0])


def target(rows=10, noise=0.1):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    y = np.maximum(x @ np.asarray(SECOND), 0) + noise * rng.normal(size=rows)
    return Target(jnp.asarray(x), jnp.asarray(y))


@jax.jit
@jax.vmap
def together(key, noise, rows, labels):
    source = draw_source(key, ROOT, FIRST, noise, rows)
    task = Target(target().covariates, labels)
    return fit(source, task, jnp.stack([FIRST, SECOND])), source


def many(count, noise, rows):
    labels = jnp.broadcast_to(target().labels, (count, 10))
    size = jnp.full(count, float(rows))
    return together(jax.random.split(KEY, count), jnp.full(count, noise), size, labels)


def alone(task, starts):
    return fit(no_source(2), task, starts)


def test_a_source_of_many_clean_rows_gives_its_own_direction():
    found, _ = many(64, 0.0, 1e9)
    unit = np.asarray(FIRST / jnp.linalg.norm(FIRST))
    np.testing.assert_allclose(found.shared, np.tile(unit, (64, 1)), atol=1e-6)
    # The heads are those of least squares on each task's own hidden values.
    np.testing.assert_allclose(found.heads[:, 0], jnp.linalg.norm(FIRST), rtol=1e-6)
    hidden = np.maximum(np.asarray(target().covariates) @ unit, 0)
    own = hidden @ np.asarray(target().labels) / (hidden @ hidden)
    np.testing.assert_allclose(found.heads[:, 1], own, rtol=1e-5)


def test_moments_are_those_of_the_rows_that_the_teacher_sees():
    _, source = many(64, 0.5, 40)
    covariance = np.asarray(ROOT @ ROOT.T)
    # 64 sums over about 20 rows of variance 2Σ_ii² each: five standard errors.
    mean = np.asarray(source.gram).mean(axis=0) / 40
    error = 5 * np.sqrt(2 * 0.5 / (64 * 40)) * covariance[0, 0]
    np.testing.assert_allclose(mean, covariance / 2, atol=error)
    left = np.asarray(source.moment) - np.asarray(source.gram) @ np.asarray(FIRST)
    # What is left of the moment is the labels' noise, of covariance σ² gram.
    square = np.einsum("ni,nij,nj->n", left, np.linalg.inv(source.gram), left) / 0.25
    assert stats.kstest(square, stats.chi2(2).cdf).pvalue > 1e-3


@pytest.mark.long
def test_a_target_alone_gets_to_the_exact_optimum():
    task = target(noise=0.5)
    starts = jnp.asarray(np.random.default_rng(1).normal(size=(8, 2)))
    tasks = Tasks.from_data([task.covariates], [task.labels])
    exact = plane_optimum(tasks)
    found = alone(task, starts)
    energy = float(jnp.sum(task.labels**2))
    assert float(found.value) + energy == pytest.approx(float(exact.loss), rel=1e-6)
    explained = explained_energy(tasks, found.shared)[0]
    assert float(-found.value) == pytest.approx(float(explained), rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("noise", [0.3, 3.0])
def test_its_law_is_that_of_exact_optima_on_rows(noise):
    """Neither the moments at the teacher nor the mean of what moves are seen to err."""
    rng = np.random.default_rng(3)
    task, rows = target(), 1_000
    angles, heads = [], []
    for _ in range(150):
        x = rng.normal(size=(rows, 2)) @ np.asarray(ROOT).T
        y = np.maximum(x @ np.asarray(FIRST), 0) + noise * rng.normal(size=rows)
        tasks = Tasks.from_data([x, task.covariates], [y, task.labels])
        best = plane_optimum(tasks)
        angles.append(float(best.angle))
        heads.append(float(best.heads[1, 0]))
    found, _ = many(2_000, noise, rows)
    drawn = np.arctan2(found.shared[:, 1], found.shared[:, 0]) % (2 * np.pi)
    for ours, exact in ((drawn, angles), (found.heads[:, 1], heads)):
        centre = np.median(exact)
        ours, exact = np.asarray(ours) - centre, np.asarray(exact) - centre
        test: Any = stats.ks_2samp(ours, exact)
        assert test.pvalue > 1e-3
