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
# Values that are refused by more than the range of their field, or by one that depends
# on other fields.
REFUSED: dict[str, list[tuple[str, Any]]] = {
    "transfer": [("samples_source", (3, 12))],
    "similarity": [("samples_source", (3,))],
    "gain_grid": [("samples_source", (3,))],
    "capacity": [("samples", 4), ("dimension", 2), ("true_rank", 5)],
    "weights": [("samples", 4), ("corrupted", 3), ("width", 4), ("true_rank", 5)],
    "relu_capacity": [("samples", 1)],
    "risk_curves": [("samples_target", 6)],
    "classification": [("shown", (8.0, 8))],
    "alignment": [("checkpoints", (4, 2)), ("checkpoints", ())],
    "phase_map": [("solvers", ("newton",)), ("solvers", ("adam", "adam"))],
    "trained_gap": [
        *(("dimension", 1), ("samples", 2), ("true_rank", 4), ("solvers", ("newton",))),
        *(("shown", (3, 1.0, 0.0)), ("shown", (1, 2.0, 0.0))),
    ],
    "risk_map": [
        *(("samples_target", 4), ("shift_variances", (2.0, 1.0))),
        ("samples_source", (1.0, 2.0, 3.0)),
    ],
}


def some_data(name: str) -> xr.Dataset:
    """The Dataset of a small spec; columns of zeros where nothing need be compiled."""
    spec = small.spec(name)
    if not hasattr(spec, "study"):
        return spec.run()
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
    assert provenance.read_spec(data, EXPERIMENTS[name]) == small.spec(name)


def nonsense(value: Any) -> list[Any]:
    if not isinstance(value, tuple):
        return [NAN]
    return [(), tuple("?" if isinstance(one, str) else NAN for one in value)]


def outside(spec: Any, field: dataclasses.Field[Any]) -> list[Any]:
    """Values beside the ends of the field's range, and none if it has no range."""
    within: Any = field.metadata.get("within")
    if not within:
        return []
    interval = str(within(spec) if callable(within) else within)
    low, high = map(float, interval[1:-1].split(","))
    ends = [
        low if interval[0] == "(" else low - 1,
        high if interval[-1] == ")" else 2 * high + 1,
    ]
    value = getattr(spec, field.name)
    return [(*value, end) if isinstance(value, tuple) else end for end in ends]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (name, field.name, value)
        for name, kind in EXPERIMENTS.items()
        for field in dataclasses.fields(kind)
        if field.name not in {"seed", "reading", "checkpoints"}
        for value in nonsense(field.default) + outside(small.spec(name), field)
    ]
    + [(name, *pair) for name, pairs in REFUSED.items() for pair in pairs],
)
def test_a_bad_field_is_refused_by_name_and_value(name, field, value):
    # Past jaxtyping's check of the fields, which only tests have.
    spec = copy.copy(small.spec(name))
    object.__setattr__(spec, field, value)
    with pytest.raises(ValueError, match=rf"^{field} must .*{re.escape(str(value))}"):
        spec.__post_init__()


def test_every_number_has_a_range_and_every_study_a_small_spec():
    assert EXPERIMENTS.keys() == small.SMALL.keys()
    free = {"seed", "reading", "solvers", "shown", "checkpoints"}
    for kind in EXPERIMENTS.values():
        for field in dataclasses.fields(kind):
            assert field.name in free or field.metadata.get("within"), (kind, field)


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_the_quick_profile_is_no_finer_than_the_full_one(name):
    full, quick = EXPERIMENTS[name](), EXPERIMENTS[name].quick()
    for field in ("repeats", "draws", "starts"):
        if hasattr(full, field):
            assert getattr(quick, field) <= getattr(full, field), field
