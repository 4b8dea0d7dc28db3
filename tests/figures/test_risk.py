"""Risk curves and maps, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Annotation

from figures.risk_curves import risk_curves
from figures.risk_map import risk_map

UNIT = "labels' units squared"
SIZES = {"long_name": "source samples n₁", "units": "samples"}


@pytest.fixture
def curves() -> xr.Dataset:
    rng = np.random.default_rng(0)
    spec = {"dimension": 9, "samples_target": 20, "noise": 1.0}
    spec |= {"shift_variance": 0.7, "condition": 100.0}
    return xr.Dataset(
        {
            "risk": (
                ("shift", "sharing", "samples_source", "repeat"),
                rng.gamma(4, 1, (2, 3, 4, 10)),
                {"units": UNIT},
            ),
            "predicted": (("shift", "sharing", "size"), rng.gamma(4, 1, (2, 3, 6))),
            "predicted_alone": ((), 4.0),
            "crossing": (("shift", "crossing"), [[3.0, np.nan], [5.0, 50.0]]),
        },
        {
            "shift": ["model shift", "both shifts"],
            "sharing": ["hard", "heads", "soft"],
            "samples_source": ("samples_source", [1, 10, 100, 1000], SIZES),
            "size": ("size", np.geomspace(1, 1000, 6), SIZES),
        },
        {"spec": json.dumps(spec)},
    )


@pytest.fixture
def maps() -> xr.Dataset:
    side = 12
    axis = np.geomspace(1, 100, side)
    # Pays below the diagonal.
    gain = np.clip(np.log(axis[None, :] / axis[:, None]) / 5, -1, 1)
    spec = {"dimension": 9, "samples_target": 20, "noise_variance": 1.0}
    spec |= {"shift_variance": 1.3, "condition": 100.0}
    return xr.Dataset(
        {
            "gain_shift": (("covariances", "shift_variance", "size"), [gain, -gain]),
            "crossing_shift": (
                ("covariances", "shift_variance", "crossing"),
                np.stack([axis, axis])[:, :, None],
            ),
            "gain_condition": (("condition", "size"), gain),
            "crossing_condition": (("condition", "crossing"), axis[:, None]),
            "border": ("phase", [2.0, 5.0, 9.0]),
        },
        {
            "covariances": ["equal covariances", "own covariance"],
            "shift_variance": ("shift_variance", axis, {"units": UNIT}),
            "condition": axis,
            "size": ("size", axis, SIZES),
            "phase": ["always pays", "pays at first", "ever pays"],
        },
        {"spec": json.dumps(spec)},
    )


def test_markers_are_means_with_two_errors_and_lines_are_limits(curves):
    figure = risk_curves(curves)
    axes = figure.axes[1]
    part = curves.sel(shift="both shifts", sharing="heads")
    drawn = [line for line in axes.lines if len(np.asarray(line.get_xdata())) == 6]
    np.testing.assert_allclose(
        np.asarray(drawn[1].get_ydata()), part["predicted"].values
    )
    points, _, (bars,) = axes.containers[1]
    np.testing.assert_allclose(points.get_ydata(), part["risk"].mean("repeat").values)
    half = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
    error = part["risk"].std("repeat", ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(half, 2 * error)
    places = sorted(one.xy[0] for one in axes.texts if isinstance(one, Annotation))
    assert places == [5.0, 50.0]
    figure.draw_without_rendering()


def test_ways_of_sharing_differ_in_dashes_and_markers(curves):
    figure = risk_curves(curves)
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["hard", "heads", "soft", "target alone"]
    lines = [line for line in figure.axes[0].lines if line.get_label() in names]
    assert len({str(line.get_marker()) for line in lines}) == len(lines)
    assert "two standard errors, 10 draws" in legend.get_title().get_text()


def test_maps_say_where_sharing_pays_and_draw_every_crossing(maps):
    figure = risk_map(maps)
    axis = maps["size"].values
    first, second, third = figure.axes[:3]
    for axes in (first, second, third):
        words = {text.get_text(): text.get_position() for text in axes.texts}
        x, y = words["pays"]
        assert (x > y) == (axes is not second)
        (dots,) = (line for line in axes.lines if line.get_marker() == ".")
        np.testing.assert_allclose(np.asarray(dots.get_xdata()), axis)
        assert axes.get_xlabel()
    notes = [text for text in first.texts if isinstance(text, Annotation)]
    told = {note.get_text(): note.xy[1] for note in notes}
    assert told == {"always pays": 2.0, "pays at first": 5.0, "ever pays": 9.0}
    figure.draw_without_rendering()
    mesh = first.collections[0]
    shades = mesh.to_rgba(np.array([-0.5, -0.1, 0.1, 0.5])) @ [0.3, 0.59, 0.11, 0]
    assert np.all(np.diff(shades) > 0.01)
