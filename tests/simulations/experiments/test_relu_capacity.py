import dataclasses

import jax
import numpy as np
import pytest
import xarray as xr

from simulations.experiments import relu_capacity
from simulations.experiments.relu_capacity import ReluCapacity

SPEC = ReluCapacity(
    tasks=2, dimension=2, samples=30, past=0, starts=6, repeats=3, deviation=0.2
)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    """Two programs of training: a dozen seconds to compile, so `long`."""
    told = []
    found = SPEC.run(lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]
    return found


def test_labels_are_those_of_teachers_and_one_noise_in_proportion():
    spec = dataclasses.replace(SPEC, noises=(0.0, 0.3, 1.0))
    tasks, law, _ = relu_capacity._draw(jax.random.key(0), spec)
    rows, teacher = np.asarray(tasks.covariates), np.asarray(law.teachers)[:, 0]
    seen = np.maximum(np.einsum("pkmd,kd->pkm", rows, teacher), 0)
    error = np.asarray(tasks.labels) - np.asarray(law.amplitudes) * seen
    np.testing.assert_allclose(np.linalg.norm(teacher, axis=1), 1)
    np.testing.assert_allclose(error[0], 0, atol=1e-14)
    np.testing.assert_allclose(error[1], 0.3 * error[2], atol=1e-14)
    # The variance of a variance of 60 normal numbers is 2/60.
    assert abs(error[2].var() - 1) < 5 * np.sqrt(2 / error[2].size)


@pytest.mark.long
def test_without_noise_a_unit_a_task_finds_its_teacher(data):
    clean = data.sel(noise=0, width=1)
    # Smoothing leaves the square of 5e-7; a risk of another task's teacher is 0.1.
    assert float(clean["training_alone"].max()) < 1e-9
    assert float(clean["risk_alone"].max()) < 1e-9
    # Teachers of unlike directions have no common unit.
    assert float(clean["training"].mean("task").min()) > 1e-4
    wide = data.sel(noise=0, width=SPEC.tasks)
    assert float(wide["training"].max()) < 1e-9


@pytest.mark.long
def test_noise_is_in_training_and_wider_modules_fit_more_of_it(data):
    noisy = data.sel(noise=0.3)
    one = noisy.sel(width=1)
    # 60 rows less four parameters, of variance 0.09, over all draws.
    left = float(one["training_alone"].mean())
    assert 0.05 < left < 0.12
    assert float(one["risk_alone"].min()) > 1e-5
    for name in ("training", "training_alone"):
        total = noisy[name].sum("task").transpose("width", "repeat").values
        assert np.all(np.diff(total, axis=0) < 0)
    # Together no task can be below its own optimum at that width.
    less = noisy["training"] - noisy["training_alone"]
    assert float(less.min()) > -1e-6


@pytest.mark.long
def test_the_risk_of_a_task_alone_falls_as_one_over_m():
    """`σ²d/m`: half of the rows are active, and half of the inputs count."""
    spec = ReluCapacity(
        tasks=2, dimension=3, samples=800, noises=(0.3,), past=0, starts=3, repeats=15
    )
    risk = spec.run()["risk_alone"].sel(noise=0.3, width=1).values.ravel()
    wanted = 0.3**2 * spec.dimension / spec.samples
    error = risk.std() / np.sqrt(len(risk))
    # Five standard errors, and terms of order d/m beside the first.
    assert abs(risk.mean() - wanted) < 5 * error + 0.02 * wanted
