"""The studies that the engine runs give what they give without it."""

import dataclasses

import jax
import numpy as np
import pytest
import xarray as xr

from simulations.engine.in_memory import in_memory, repeat_keys
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.study import Study
from simulations.experiments import gain_grid, risk_map, similarity
from simulations.experiments.registry import EXPERIMENTS
from tests.simulations.experiments import small
from tests.simulations.experiments.small import train_nothing

# Others are the same to the last bit. Here one program fuses what were two. The risk is
# first order in the ratio of heads, which a search by values finds to √ε = 1.5e-8.
FUSED = {"transfer": 1e-7}
FAST = "phase_map"
# The grid is itself a test of the engine, in `test_cells_of_the_grid_are_points`.
ENGINE = small.SMALL.keys() - {"gain_grid", "similarity", "risk_map"}
EXTEND = Choices(extend=True)


def directly(study: Study) -> xr.Dataset:
    """All cells by two calls of the kernel, with the keys that specs promise."""
    lengths = [len(axis) for axis in study.axes]
    assert study.axes[-1].name == "repeat"
    places = np.indices(lengths).reshape(len(lengths), -1)
    keys = repeat_keys(study.spec.seed, lengths[-1])
    calls = []
    for part in np.split(places, places.shape[1] // 2, axis=1):
        pairs = zip(study.axes, part, strict=True)
        values = {axis.name: axis.at(row) for axis, row in pairs}
        calls.append(jax.device_get(study.kernel(keys[part[-1]], values)))
    columns = {
        name: np.concatenate([call[name] for call in calls]) for name in calls[0]
    }
    return study.assemble(
        {name: v.reshape(*lengths, *v.shape[1:]) for name, v in columns.items()}
    )


def same(found: xr.Dataset, expected: xr.Dataset, rtol: float) -> None:
    assert found.sizes == expected.sizes
    for name, variable in expected.variables.items():
        if variable.dtype.kind == "f":
            np.testing.assert_allclose(
                found[name], variable, rtol=rtol, atol=0, err_msg=str(name)
            )
        else:
            np.testing.assert_array_equal(found[name], variable, str(name))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == FAST else pytest.mark.long)
        for name in sorted(ENGINE)
    ],
)
def test_a_study_is_that_of_its_own_run_and_grows(name, tmp_path, monkeypatch):
    train_nothing(name, monkeypatch)
    rtol, spec = FUSED.get(name, 0), small.spec(name)
    study = spec.study()
    store = run_cells(study, tmp_path / "study.cells", None, EXTEND)
    same(study.assemble(load_columns(store, study)), spec.run(), rtol)
    longer = dataclasses.replace(spec, repeats=4).study()
    grown = run_cells(longer, store.path, None, EXTEND)
    assert grown.layout.chunks == 2 * store.layout.chunks > 0
    found = longer.assemble(load_columns(grown, longer))
    # Without another program: calls are as large as before.
    longer = dataclasses.replace(longer, batch=study.batch)
    same(found, in_memory(longer) if study.compiled else directly(longer), 0)


def test_all_studies_but_the_one_that_says_why_not_run_by_cells():
    without = {name for name, kind in EXPERIMENTS.items() if not hasattr(kind, "study")}
    assert without == {"risk_map"}
    assert "no study of the engine" in str(risk_map.RiskMap.__doc__)


@pytest.mark.long
def test_cells_of_the_grid_are_points_of_the_similarity_study():
    shared = {
        "turns": (0.0, 0.3, 1.0),
        "samples_source": (20, 2_000),
        "dimension": 6,
        "samples_target": 3,
        "repeats": 20,
    }
    grid = gain_grid.GainGrid(cosines=(0.9,), weights=(1.0,), **shared).run()
    study = similarity.SimilaritySweep(cosine=0.9, **shared).study()
    curve = in_memory(study).sel(path="rotation")
    assert bool(grid["certified"].all())
    joint = grid["risk_joint"].isel(cosine=0, weight=0)
    np.testing.assert_allclose(joint, curve["risk_joint"], rtol=1e-7)
    alone = grid["risk_alone"].isel(turn=0, cosine=0, samples_source=0, weight=0)
    np.testing.assert_allclose(alone, curve["risk_alone"], rtol=1e-9)
