"""What every study of the registry promises."""

import copy
import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import xarray as xr

from simulations import provenance
from simulations.engine.in_memory import in_memory
from simulations.experiments.registry import EXPERIMENTS
from tests.simulations.experiments import small

NAN = float("nan")
# Seconds to compile or to trace with their solvers replaced; the others take longer.
QUICK = {"gain_grid", "phase_map"}
# Values just outside, where NaN alone would not show where a range ends.
OUTSIDE: dict[str, list[tuple[str, Any]]] = {
    "transfer": [
        *(("dimension", 1), ("samples_target", 0), ("samples_source", (3, 12))),
        *(("noise", -1.0), ("cosine", 1.1), ("condition", 0.0), ("repeats", 0)),
    ],
    "capacity": [
        *(("tasks", 1), ("samples", 4), ("dimension", 2), ("true_rank", 0)),
        *(("true_rank", 5), ("noise", -1.0), ("deviation", -1.0), ("past", -1)),
        *(("condition", 0.5), ("repeats", 0)),
    ],
    "similarity": [
        *(("dimension", 1), ("samples_target", 0), ("samples_source", (3,))),
        *(("turns", (2.0,)), ("noise", -1.0), ("cosine", 2.0), ("condition", 1.0)),
        *(("energy", 0.0), ("repeats", 0)),
    ],
    "weights": [
        *(("dimension", 1), ("samples", 4), ("tasks", 1), ("corrupted", 3)),
        *(("width", 4), ("true_rank", 5), ("ratios", (0.0,)), ("shares", (1.5,))),
        *(("loudness", (-1.0,)), ("noise", float("inf")), ("noisy", -1.0)),
        *(("cosine", 1.1), ("deviation", -1.0), ("repeats", 0)),
    ],
    "classification": [
        *(("samples_target", (0, 7)), ("samples_source", 0), ("angles", (8.0, 91.0))),
        *(("stretch", 0.0), ("stretch", float("inf")), ("flips", 0.0), ("flips", 0.5)),
        *(("shown", (8.0, 8)), ("starts", 0), ("repeats", 0)),
    ],
    "alignment": [
        *(("dimension", 3), ("samples_target", 0), ("samples_source", 0)),
        *(("samples_validation", 0), ("angles", (91.0,)), ("noise", -1.0)),
        *(("cosine", 2.0), ("condition", 0.5), ("width", 0), ("ridges", (0.0,))),
        *(("rate", 0.0), ("checkpoints", (4, 2)), ("checkpoints", ())),
        ("repeats", 0),
    ],
    "phase_map": [
        *(("samples", 1), ("starts", 0), ("repeats", 0), ("angles", (190.0,))),
        *(("conditions", (0.5,)), ("noise", 0.0), ("threshold", 0.0)),
        *(("threshold", 0.1), ("solvers", ("newton",)), ("solvers", ("adam", "adam"))),
    ],
    "trained_gap": [
        *(("tasks", 1), ("dimension", 1), ("samples", 2), ("past", -1)),
        *(("true_rank", 0), ("true_rank", 4), ("conditions", (0.5,))),
        *(("angles", (91.0,)), ("deviation", -1.0), ("noise", 0.0)),
        *(("solvers", ("newton",)), ("shown", (3, 1.0, 0.0)), ("shown", (1, 2.0, 0.0))),
        *(("starts", 0), ("repeats", 0)),
    ],
    "transfer_relu": [
        *(("dimension", 1), ("samples_target", 0), ("samples_source", (0, 3))),
        *(("noise", -1.0), ("cosine", 1.1), ("condition", 0.0), ("starts", 0)),
        ("repeats", 0),
    ],
    "gain_grid": [
        *(("turns", (0.5, 1.5)), ("cosines", (-1.1,)), ("samples_source", (3,))),
        *(("weights", (0.0,)), ("dimension", 1), ("samples_target", 0)),
        *(("noise", -1.0), ("condition", 0.5), ("repeats", 0)),
    ],
    "relu_capacity": [
        *(("tasks", 1), ("dimension", 1), ("samples", 1), ("directions", 0)),
        *(("deviation", -0.1), ("noises", (-1.0,)), ("past", -1), ("starts", 0)),
        ("repeats", 0),
    ],
    "risk_curves": [
        *(("dimension", 0), ("samples_target", 6), ("points", 1), ("repeats", 1)),
        *(("samples_source", (0, 3)), ("shift_variance", -1.0), ("noise", 0.0)),
        *(("common_variance", -1.0), ("condition", 0.5)),
    ],
    "risk_map": [
        *(("dimension", 1), ("samples_target", 4), ("side", 1), ("weak", 1.0)),
        *(("samples_source", (0.0, 5.0)), ("shift_variances", (2.0, 1.0))),
        *(("conditions", (1.0, float("inf"))), ("noise_variance", 0.0)),
        *(("shift_variance", -1.0), ("condition", 0.0)),
    ],
}


def some_data(name: str) -> xr.Dataset:
    """The Dataset of a small spec; columns of zeros where nothing need be compiled."""
    spec = small.spec(name)
    if not hasattr(spec, "study"):
        return EXPERIMENTS[name][1](spec, None)
    study = spec.study()
    if not study.compiled:
        return in_memory(study)
    lengths = [len(axis) for axis in study.axes]
    return study.assemble(
        {
            column: np.zeros((*lengths, *shape.shape), shape.dtype)
            for column, shape in study.shapes.items()
        }
    )


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.long)
        for name in EXPERIMENTS
    ],
)
def test_variables_have_units_and_the_spec_comes_back(name, monkeypatch):
    small.train_nothing(name, monkeypatch)
    data = some_data(name)
    for variable in data.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"]
    assert provenance.read_spec(data, EXPERIMENTS[name][0]) == small.spec(name)


def nonsense(value: Any) -> list[Any]:
    if not isinstance(value, tuple):
        return [NAN]
    return [(), tuple("?" if isinstance(one, str) else NAN for one in value)]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (name, field.name, value)
        for name, (kind, _) in EXPERIMENTS.items()
        for field in dataclasses.fields(kind)
        if field.name not in {"seed", "reading", "checkpoints"}
        for value in nonsense(field.default)
    ]
    + [(name, *pair) for name, pairs in OUTSIDE.items() for pair in pairs],
)
def test_a_bad_field_is_refused_by_name_and_value(name, field, value):
    # Past jaxtyping's check of the fields, which only tests have.
    spec = copy.copy(small.spec(name))
    object.__setattr__(spec, field, value)
    with pytest.raises(ValueError, match=rf"^{field} must .*{re.escape(str(value))}"):
        spec.__post_init__()


def test_every_study_has_values_outside_its_ranges():
    assert OUTSIDE.keys() == EXPERIMENTS.keys() == small.SMALL.keys()
