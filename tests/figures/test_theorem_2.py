"""The figures of Theorem 2, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import StepPatch

from figures import __main__ as front
from figures.theorem_2_regions import theorem_2_regions
from figures.theorem_2_threshold import theorem_2_threshold
from figures.theorem_2_tightness import theorem_2_tightness

AXES = ["c", "condition_target", "dimension"]
KINDS = ("position", "conclusion", "axis")


@pytest.fixture
def threshold() -> xr.Dataset:
    value = np.array([[0.1, 0.2, 0.3], [1, 2, 4], [5, 10, 20]])
    low = np.broadcast_to(1e3 * value, (2, 2, 3, 3)).copy()
    high = 1.2 * low
    low[0, 0, 0] = high[0, 0, 0] = 10  # holds everywhere
    high[1, 0, 2, 2] = np.inf  # not reached
    inside = np.isfinite(high) & (low > 10)
    slope = np.where(inside.all(axis=-1), 1.0, np.nan)
    spec = {"base": [0.1, 2.0, 4.0, 1.0, 10.0], "failure": 0.05}
    return xr.Dataset(
        {
            "low": ((*KINDS, "point"), low),
            "high": ((*KINDS, "point"), high),
            "inside": ((*KINDS, "point"), inside),
            "asked": (("axis", "point"), 1e4 * value**2),
            "value": (("axis", "point"), value),
            "exponent": (KINDS, slope),
            "exponent_low": (KINDS, slope - 0.1),
            "exponent_high": (KINDS, slope + 0.2),
            "stated": ("axis", [-4.0, 4.0, 1.0]),
        },
        {
            "position": ["aligned", "random"],
            "conclusion": ["as printed", "turn"],
            "axis": AXES,
            "name": ("axis", ["c", "κ(X_2)", "d"]),
        },
        {"spec": json.dumps(spec)},
    )


@pytest.fixture
def regions() -> xr.Dataset:
    sine, ratio = np.geomspace(1e-3, 1, 12), np.geomspace(1, 1e10, 11)
    names = ("helps", "sharper", "theorem_2", "asked", "concluded")
    names += ("helps_prediction", "sharper_prediction")
    shares = np.add.outer(-np.log10(sine), np.log10(ratio)) / 13
    spec = {
        **{"dimension": 10, "condition_target": 10.0, "condition_source": 2.0},
        **{"noise": 1.0, "noise_target": 0.5, "repeats": 4},
    }
    return xr.Dataset(
        {
            name: (("sine", "ratio"), np.clip(shares - 0.05 * place, 0, 1))
            for place, name in enumerate(names)
        },
        {
            "sine": ("sine", sine, {"long_name": "sin(θ_1, θ_2)"}),
            "ratio": ("ratio", ratio, {"long_name": "rows a dimension"}),
        },
        {"spec": json.dumps(spec)},
    )


@pytest.fixture
def tightness() -> xr.Dataset:
    edges = np.geomspace(1e-3, 2, 11)
    return xr.Dataset(
        {
            "count": (("statement", "bin"), np.arange(20).reshape(2, 10)),
            "feasible": ("statement", [45, 145]),
            "found": ("statement", [0.8, 1.0]),
        },
        {
            "statement": ["W-T2h", "unheard of"],
            "low": ("bin", edges[:-1]),
            "high": ("bin", edges[1:]),
        },
    )


def test_every_bracket_is_drawn_or_marked(threshold):
    figure = theorem_2_threshold(threshold)
    for panel, name in enumerate(AXES):
        axes = figure.axes[panel]
        here = threshold.sel(axis=name)
        shown = [np.asarray(line.get_ydata()) for line in axes.lines]
        np.testing.assert_allclose(shown[0], here["asked"])
        some = here.sel(position="random", conclusion="turn")
        middle = np.sqrt(some["low"] * some["high"])
        assert any(y.shape == (3,) and np.allclose(y, middle) for y in shown[1:])
        kinds = [str(line.get_marker()) for line in axes.lines]
        assert kinds.count("v") == (3 if name == "c" else 0)
        assert kinds.count("*") == (1 if name == "dimension" else 0)
    (legend,) = figure.legends
    said = [text.get_text() for text in legend.get_texts()]
    assert said[1] == "κ(X_2) sin(B*, θ_1) ≤ c, random"
    assert said[-1] == "not reached"
    assert "probability 0.05 at most" in legend.get_title().get_text()
    figure.draw_without_rendering()


def test_exponents_stand_beside_those_stated(threshold):
    axes = theorem_2_threshold(threshold).axes[-1]
    stated = [line for line in axes.lines if line.get_marker() == "x"]
    np.testing.assert_allclose(np.asarray(stated[0].get_xdata()), threshold["stated"])
    ends = [
        np.asarray(bar.get_segments())[:, :, 0]
        for container in axes.containers
        for bar in container[2]
    ]
    # aligned, turn: all three have an exponent.
    np.testing.assert_allclose(ends[0], np.tile([0.9, 1.2], (3, 1)))


def test_a_region_has_half_of_the_draws(regions):
    figure = theorem_2_regions(regions)
    left, right = figure.axes
    assert left.get_xlabel() == "sin(θ_1, θ_2)"
    assert left.get_ylabel() == "rows a dimension"
    # Three regions and two borders on the left, two regions on the right.
    assert len(left.collections) == 5
    assert len(right.collections) == 2
    # At the least angle half of the draws help at m_1/d = 10^3.5, between two points.
    corner = left.collections[0].get_paths()[0].vertices
    assert 1e3 < np.asarray(corner)[:, 1].min() < 1e4
    figure.draw_without_rendering()


def test_a_region_that_is_nowhere_is_left_out(regions):
    none = regions.assign(theorem_2=0 * regions["theorem_2"])
    assert len(theorem_2_regions(none).axes[0].collections) == 4


def test_bins_are_shares_of_the_instances(tightness):
    figure = theorem_2_tightness(tightness)
    (axes,) = figure.axes
    for place, patch in enumerate(axes.patches):
        assert isinstance(patch, StepPatch)
        drawn = patch.get_data()[0]
        expected = 100 * tightness["count"][place] / tightness["feasible"][place]
        np.testing.assert_allclose(drawn, expected)
    marks = [
        float(np.asarray(line.get_xdata())[0])
        for line in axes.lines
        if line.get_linestyle() == "None"
    ]
    assert marks == [0.8, 1.0]
    legend = axes.get_legend()
    assert legend is not None
    assert "45 instances" in legend.get_texts()[0].get_text()
    figure.draw_without_rendering()


def test_a_missing_store_of_a_check_is_said_with_how_to_make_it(tmp_path, capsys):
    asked = ["--results", str(tmp_path), "--out", str(tmp_path)]
    assert front.main([*asked, "--only", "theorem_2_regions"]) == 1
    said = capsys.readouterr().out
    assert "theorem_2_regions.zarr is missing; make it: python -m paper_ch" in said
