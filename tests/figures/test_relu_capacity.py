"""The figure of ReLU capacity, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures.relu_capacity import relu_capacity

UNIT = {"units": "labels' units squared", "long_name": "loss"}


@pytest.fixture
def data() -> xr.Dataset:
    axes = ("noise", "width", "task", "repeat")
    rng = np.random.default_rng(0)
    names = ("training", "training_alone", "risk", "risk_alone")
    width = {"long_name": "columns r of the module", "units": "1"}
    spec = {
        **{"tasks": 3, "directions": 2, "deviation": 0.3},
        **{"dimension": 5, "samples": 40},
    }
    return xr.Dataset(
        {name: (axes, rng.gamma(4, 1, size=(2, 4, 3, 20)), UNIT) for name in names},
        {"noise": [0.0, 0.3], "width": ("width", [1, 2, 3, 4], width)},
        {"spec": json.dumps(spec)},
    )


def line(figure: Figure, panel: int, label: str) -> np.ndarray:
    (found,) = (one for one in figure.axes[panel].lines if one.get_label() == label)
    return np.asarray(found.get_ydata())


def test_a_panel_has_one_quantity_at_one_noise(data):
    figure = relu_capacity(data)
    mean = data.mean(("task", "repeat"))
    panels = [(noise, name) for noise in (0.0, 0.3) for name in ("training", "risk")]
    for panel, (noise, name) in enumerate(panels):
        here = mean.sel(noise=noise)
        np.testing.assert_allclose(line(figure, panel, "joint, width r"), here[name])
        alone = here[f"{name}_alone"]
        np.testing.assert_allclose(line(figure, panel, "alone, width r"), alone)
        one = float(alone.sel(width=1))
        np.testing.assert_allclose(line(figure, panel, "alone, one unit"), [one, one])
        assert f"{noise:g}" in figure.axes[panel].get_title(loc="left")
        assert "labels' units squared" in figure.axes[panel].get_ylabel()
    figure.draw_without_rendering()


def test_the_band_is_one_standard_error_of_the_mean_over_tasks(data):
    axes = relu_capacity(data).axes[1]
    (first, *_) = axes.collections
    risk = data["risk"].sel(noise=0.0).mean("task")
    error = risk.std("repeat", ddof=1) / np.sqrt(20)
    edge = np.asarray(first.get_paths()[0].vertices)[:, 1]
    assert edge.max() == pytest.approx(float((risk.mean("repeat") + error).max()))


def test_one_repeat_and_one_noise_are_drawn(data):
    relu_capacity(data.isel(repeat=[0], noise=[0])).draw_without_rendering()
