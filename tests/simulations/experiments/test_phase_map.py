import dataclasses

import numpy as np
import pytest
import xarray as xr

from figures.phase_map import phase_map
from simulations import provenance
from simulations.experiments.phase_map import PhaseMap, run

SPEC = PhaseMap(angles=(0.0, 150.0), conditions=(1.0,), starts=4, repeats=3)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return run(SPEC)


def test_variables_say_what_they_are_and_the_spec_comes_back(data):
    for variable in data.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"]
    assert provenance.read_spec(data, PhaseMap) == SPEC


def test_no_start_is_below_the_exact_optimum_and_some_reach_it(data):
    # Losses are sums over rows, and rounding is 64 ε of them.
    assert float(data["excess"].min()) > -1e-12
    assert float(data["excess"].max()) <= 1 + 1e-12
    reached = ~data["missed"].all("start")
    assert bool(reached.sel(angle=0).all())
    assert bool((data["minima"] >= 1).all())


def test_a_map_writes_its_values(data):
    figure = phase_map(data)
    shares = [text.get_text().split("\n")[0] for text in figure.axes[0].texts]
    mean = data["missed"].mean(("start", "repeat")).to_numpy()
    assert shares == [f"{share:.2f}" for share in np.ravel(mean.T)]
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("samples", 1),
        ("starts", 0),
        ("repeats", 0),
        ("angles", (190.0,)),
        ("conditions", (0.5,)),
        ("noise", 0.0),
    ],
)
def test_a_bad_field_is_named(field, value):
    with pytest.raises(ValueError, match=f"{field} must be .* got"):
        dataclasses.replace(SPEC, **{field: value})
