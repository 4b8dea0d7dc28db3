"""The figure of alignment, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures.alignment import alignment

ARMS = [
    "alone",
    "joint",
    "fine-tuned",
    *(
        f"{r}, B {b}"
        for r in ("free", "ridge", "orthogonal")
        for b in ("moving", "fixed")
    ),
    "whitened",
    "turned back",
]
LINES = ["target alone", "free R", "ridge R", "orthogonal R", "fine-tuned, no R"]


@pytest.fixture
def data() -> xr.Dataset:
    shape = (len(ARMS), 3, 4, 20)
    gain = np.random.default_rng(0).uniform(-0.9, 0.9, size=shape)
    angle = {"long_name": "angle of the turn", "units": "degrees"}
    spec = {
        "dimension": 9,
        "samples_target": 5,
        "samples_source": 50,
        "samples_validation": 7,
        "width": 1,
    }
    return xr.Dataset(
        {"gain_over_joint": (("arm", "misalignment", "angle", "repeat"), gain)},
        {
            "arm": ARMS,
            "misalignment": ["task", "covariance", "unrelated"],
            "angle": ("angle", [0.0, 30.0, 60.0, 90.0], angle),
        },
        {"spec": json.dumps(spec)},
    )


def line(figure: Figure, panel: int, label: str) -> np.ndarray:
    (found,) = (one for one in figure.axes[panel].lines if one.get_label() == label)
    return np.asarray(found.get_ydata())


def test_a_panel_shows_the_arms_of_its_misalignment_and_module(data):
    figure = alignment(data)
    mean = data["gain_over_joint"].mean("repeat")
    panels = [(k, b) for k in ("task", "covariance") for b in ("moving", "fixed")]
    for panel, (kind, module) in enumerate(panels):
        for label, arm in (
            ("free R", f"free, B {module}"),
            ("orthogonal R", f"orthogonal, B {module}"),
            ("ridge R", f"ridge, B {module}"),
            ("target alone", "alone"),
            ("fine-tuned, no R", "fine-tuned"),
            ("true R₂ = U", "turned back"),
        ):
            expected = mean.sel(misalignment=kind, arm=arm)
            np.testing.assert_allclose(line(figure, panel, label), expected)
        assert module in figure.axes[panel].get_title(loc="left")


def test_it_says_what_is_drawn(data):
    figure = alignment(data)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*LINES, "true R₂ = U"]
    assert legend.get_title().get_text().endswith("20 draws")
    assert "rows 5 + 50, validation 7" in legend.get_title().get_text()
    for axes in figure.axes:
        shown = [str(one.get_marker()) for one in axes.lines]
        shown = [marker for marker in shown if marker != "None"]
        # Lines of one panel differ in their markers, not in colour alone.
        assert len(set(shown)) == len(shown) == 5
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == [
        "angle of the turn (degrees)"
    ] * 2
    figure.draw_without_rendering()


def test_one_repeat_is_drawn(data):
    alignment(data.isel(repeat=[0])).draw_without_rendering()
