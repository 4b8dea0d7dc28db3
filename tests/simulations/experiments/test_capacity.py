import dataclasses

import numpy as np
import pytest
import xarray as xr

from simulations.experiments.capacity import CapacitySweep

SPEC = CapacitySweep(tasks=3, dimension=6, samples=20, past=1, repeats=3)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    told = []
    found = SPEC.run(lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]
    return found


@pytest.mark.long
def test_from_width_k_on_every_task_is_as_alone(data):
    wide = data.sel(width=slice(SPEC.tasks, None))
    # Two routes to one least-squares solution: condition numbers are below 1e3.
    for name in ("risk", "training"):
        expected = data[f"{name}_alone"].broadcast_like(wide[name])
        np.testing.assert_allclose(
            wide[name].transpose(*expected.dims), expected, rtol=1e-8, atol=1e-10
        )


@pytest.mark.long
def test_below_width_k_training_is_worse_and_falls_with_the_width(data):
    total = data["training"].sum("task")
    steps = np.diff(total.transpose("width", ...).values, axis=0)
    assert np.all(steps[: SPEC.tasks - 1] < 0)


def test_risk_is_the_error_of_the_parameters():
    # Without noise and with parameters of the width's rank, the optimum is exact.
    spec = dataclasses.replace(SPEC, noise=0.0, deviation=0.0, repeats=2)
    risk = spec.run()["risk"]
    assert float(risk.sel(width=slice(spec.true_rank, None)).max()) < 1e-9
    assert float(risk.sel(width=1).mean("task").min()) > 1e-4
