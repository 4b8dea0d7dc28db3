"""The studies that the engine runs give what they give without it."""

import dataclasses
from importlib import import_module
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

from simulations.__main__ import EXPERIMENTS
from simulations.engine.in_memory import in_memory, repeat_keys
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.study import Study
from simulations.experiments import gain_grid, risk_map, similarity
from simulations.training.solver_choice import SOLVERS
from tests.simulations.experiments.stay import Stay

# Two repeats of as few points as show which axis is which. Where there is a solver, a
# field has a value that no other test gives it: programs may be kept by their specs.
SMALL: dict[str, dict[str, Any]] = {
    "transfer": {
        **{"dimension": 6, "samples_target": 4, "samples_source": (12, 1_000)},
    },
    "capacity": {
        **{"tasks": 2, "dimension": 4, "samples": 8, "true_rank": 1, "past": 1},
    },
    "weights": {
        **{"dimension": 4, "samples": 8, "tasks": 3, "corrupted": 1},
        **{"ratios": (0.1, 10.0), "shares": (0.5,), "loudness": (1.0, 2.0)},
    },
    "classification": {
        **{"samples_target": (5, 7), "samples_source": 6, "angles": (0.0, 8.0, 20.0)},
        **{"shown": (8.0, 7), "starts": 1, "flips": 0.123},
    },
    "alignment": {
        **{"dimension": 4, "samples_target": 8, "samples_source": 20},
        **{"samples_validation": 9, "angles": (0.0, 90.0), "ridges": (0.1,)},
        **{"checkpoints": (0, 2)},
    },
    "phase_map": {
        **{"samples": 6, "angles": (0.0, 150.0), "conditions": (1.0, 10.0, 100.0)},
        **{"solvers": ("adam", "levenberg-marquardt"), "starts": 3},
    },
    "trained_gap": {
        **{"tasks": 2, "dimension": 3, "samples": 8, "past": 0, "starts": 3},
        **{"conditions": (1.0, 10.0), "angles": (0.0,), "shown": (1, 1.0, 0.0)},
        **{"solvers": ("adam", "l-bfgs")},
    },
    "transfer_relu": {
        **{"dimension": 2, "samples_target": 4, "samples_source": (3, 6)},
        **{"starts": 1, "noise": 0.123},
    },
    "relu_capacity": {
        **{"tasks": 2, "dimension": 2, "samples": 6, "past": 0, "starts": 2},
    },
    "risk_curves": {
        **{"dimension": 3, "samples_target": 9, "samples_source": (2, 20)},
        **{"points": 4},
    },
}
# Others are the same to the last bit. Here one program fuses what were two. The risk is
# first order in the ratio of heads, which a search by values finds to √ε = 1.5e-8.
FUSED = {"transfer": 1e-7}
FAST = "phase_map"
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
        for name in SMALL
    ],
)
def test_a_study_is_that_of_its_own_run_and_grows(name, tmp_path, monkeypatch):
    module, rtol = import_module(f"simulations.experiments.{name}"), FUSED.get(name, 0)
    # Starts left where they are: a solver takes seconds to compile.
    for solver in SOLVERS:
        monkeypatch.setitem(SOLVERS, solver, Stay())
    if hasattr(module, "SOLVER"):
        monkeypatch.setattr(module, "SOLVER", Stay())
    spec = EXPERIMENTS[name][0](**SMALL[name], repeats=2, seed=3)
    study = spec.study()
    store = run_cells(study, tmp_path / "study.cells", None, EXTEND)
    same(study.assemble(load_columns(store, study)), module.run(spec), rtol)
    longer = dataclasses.replace(spec, repeats=4).study()
    grown = run_cells(longer, store.path, None, EXTEND)
    assert grown.layout.chunks == 2 * store.layout.chunks > 0
    found = longer.assemble(load_columns(grown, longer))
    # Without another program: calls are as large as before.
    longer = dataclasses.replace(longer, batch=study.batch)
    same(found, in_memory(longer) if study.compiled else directly(longer), 0)


def test_all_studies_but_the_one_that_says_why_not_run_by_cells():
    kinds = {name: kind for name, (kind, _) in EXPERIMENTS.items()}
    assert {name for name in kinds if not hasattr(kinds[name], "study")} == {"risk_map"}
    assert kinds.keys() == SMALL.keys() | {"gain_grid", "similarity", "risk_map"}
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
    grid = gain_grid.run(gain_grid.GainGrid(cosines=(0.9,), weights=(1.0,), **shared))
    study = similarity.SimilaritySweep(cosine=0.9, **shared).study()
    curve = in_memory(study).sel(path="rotation")
    assert bool(grid["certified"].all())
    joint = grid["risk_joint"].isel(cosine=0, weight=0)
    np.testing.assert_allclose(joint, curve["risk_joint"], rtol=1e-7)
    alone = grid["risk_alone"].isel(turn=0, cosine=0, samples_source=0, weight=0)
    np.testing.assert_allclose(alone, curve["risk_alone"], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"turns": (0.5, 1.5)}, r"turns must be in \[0.0, 1.0\]"),
        (
            {"cosines": (float("nan"),)},
            r"cosines must be in \[-1.0, 1.0\], got \(nan,\)",
        ),
        ({"weights": (0.0,)}, "weights must be in"),
        ({"samples_source": (11,)}, "samples_source must be at least 12"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"turns": ()}, "axis 'turn' is empty"),
        ({"weights": (1.0, 1.0)}, "axis 'weight' has 1.0 twice"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(gain_grid.GainGrid(), **change).study()
