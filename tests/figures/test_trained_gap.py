"""The figure of the trained gap, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures.trained_gap import FLOOR, trained_gap

SOLVERS = ["gradient-descent", "adam", "l-bfgs", "levenberg-marquardt"]
AXES = ("condition", "angle", "width", "solver", "repeat", "start")


@pytest.fixture
def data() -> xr.Dataset:
    rng = np.random.default_rng(0)
    gap = 10 ** rng.uniform(-12, 0, size=(2, 3, 4, 4, 20, 2))
    gap[0, 0, 0, 0] = -1e-11
    certified = np.ones((2, 3, 4, 20), bool)
    certified[1, 1, 0, 7] = False
    names = {"long_name": "columns r of the module", "units": "1"}
    spec = {"tasks": 3, "dimension": 8, "samples": 40, "shown": [2, 10.0, 45.0]}
    return xr.Dataset(
        {"gap": (AXES, gap), "certified": ((*AXES[:3], "repeat"), certified)},
        {
            "condition": [1.0, 10.0],
            "angle": [0.0, 45.0, 90.0],
            "width": ("width", [1, 2, 3, 4], names),
            "solver": SOLVERS,
        },
        {"spec": json.dumps(spec)},
    )


def line(figure: Figure, panel: int, label: str) -> np.ndarray:
    (found,) = (one for one in figure.axes[panel].lines if one.get_label() == label)
    return np.asarray(found.get_ydata())


def test_a_panel_varies_one_axis_and_holds_the_others(data):
    figure = trained_gap(data)
    gap = data["gap"]
    held = (
        {"condition": 10.0, "angle": 45.0},
        {"width": 2, "angle": 45.0},
        {"width": 2, "condition": 10.0},
    )
    for panel, fixed in enumerate(held):
        for solver in SOLVERS:
            part = gap.sel(solver=solver, **fixed)
            mean = part.clip(FLOOR).mean(("repeat", "start"))
            np.testing.assert_allclose(line(figure, panel, solver), mean)
            share = (part > 1e-6).mean(("repeat", "start"))
            np.testing.assert_allclose(line(figure, panel + 3, solver), share)
        markers = [str(one.get_marker()) for one in figure.axes[panel].lines]
        assert len(set(markers)) == len(SOLVERS)
    assert figure.axes[3].get_xlabel() == "columns r of the module"
    figure.draw_without_rendering()


def test_one_draw_without_a_certificate_shades_its_place(data):
    shaded = [len(axes.patches) for axes in trained_gap(data).axes]
    assert shaded == [1, 0, 0, 1, 0, 0]
    assert not [a for a in trained_gap(data.isel(repeat=[0])).axes if a.patches]


def test_one_repeat_is_drawn(data):
    trained_gap(data.isel(repeat=[0])).draw_without_rendering()
