"""The figures of capacity, similarity and weights, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures.capacity import capacity
from figures.similarity import similarity
from figures.weights import weights

REPEATS = 20
UNIT = {"units": "labels' units squared", "long_name": "excess risk"}


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4, 1, size=(*shape, REPEATS))


@pytest.fixture
def capacity_data() -> xr.Dataset:
    axes = ("covariates", "width", "task", "repeat")
    few = ("covariates", "task", "repeat")
    names = {"long_name": "columns r of the module", "units": "1"}
    spec = {"dimension": 9, "samples": 20, "true_rank": 2, "deviation": 0.1, "noise": 1}
    return xr.Dataset(
        {
            "risk": (axes, drawn(0, 3, 4, 2), UNIT),
            "risk_alone": (few, drawn(1, 3, 2), UNIT),
            "training": (axes, drawn(2, 3, 4, 2), UNIT),
            "training_alone": (few, drawn(3, 3, 2), UNIT),
        },
        {"covariates": ["a", "b", "c"], "width": ("width", np.arange(1, 5), names)},
        {"spec": json.dumps(spec)},
    )


@pytest.fixture
def similarity_data() -> xr.Dataset:
    axes = ("path", "turn", "samples_source", "repeat")
    return xr.Dataset(
        {
            "relative_gain": (axes, drawn(0, 2, 5, 2)),
            "similarity": (axes, drawn(1, 2, 5, 2) / 100),
            "similarity_normalised": (axes, drawn(2, 2, 5, 2) / 50),
        },
        {"path": ["rotation", "spectrum"], "samples_source": [20, 2_000]},
        {"spec": json.dumps({"dimension": 9, "samples_target": 5})},
    )


@pytest.fixture
def weights_data() -> xr.Dataset:
    variables = {
        "target_alone": ("repeat", drawn(0), UNIT),
        "target_joint": (("source", "ratio", "repeat"), drawn(1, 2, 3), UNIT),
    }
    for name, size in (("share", 3), ("loudness", 4)):
        axes = (name, "scheme", "task", "repeat")
        variables |= {
            f"risk_{name}": (axes, drawn(2, size, 4, 3), UNIT),
            f"weight_{name}": (axes, drawn(3, size, 4, 3), UNIT),
            f"alone_{name}": ((name, "task", "repeat"), drawn(4, size, 3), UNIT),
        }
    said = {"long_name": "weight, source/target", "units": "1"}
    coordinates = {
        "source": ["clean", "noisy"],
        "ratio": ("ratio", [0.1, 1.0, 10.0], said),
        "scheme": ["uniform", "printed", "uniform, scaled", "standardised"],
        "share": ("share", [0.0, 0.5, 1.0], {"long_name": "share", "units": "1"}),
        "loudness": [0.0, 1.0, 2.0, 4.0],
        "corrupted": ("task", [True, False, False]),
    }
    return xr.Dataset(variables, coordinates)


def assert_labelled(figure: Figure) -> None:
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_title(loc="left")
        shown = [str(line.get_marker()) for line in axes.lines]
        shown = [marker for marker in shown if marker != "None"]
        # Lines of one panel differ in their markers, not in colour alone.
        assert len(set(shown)) == len(shown)
    figure.draw_without_rendering()


def test_the_legend_names_the_lines_of_a_panel_once(
    capacity_data, similarity_data, weights_data
):
    for figure, names, said in (
        (capacity(capacity_data), ["a", "b", "c"], ""),
        (similarity(similarity_data), ["rotation", "spectrum"], "20 draws"),
        (
            weights(weights_data),
            ["tasks alone", "uniform", "printed", "uniform, scaled", "standardised"],
            "20 draws",
        ),
    ):
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == names
        assert legend.get_title().get_text().endswith(said)


def line(figure: Figure, panel: int, label: str) -> np.ndarray:
    (found,) = (one for one in figure.axes[panel].lines if one.get_label() == label)
    return np.asarray(found.get_ydata())


def test_capacity_draws_differences_to_the_task_alone(capacity_data):
    figure = capacity(capacity_data)
    assert_labelled(figure)
    for panel, name in enumerate(("risk", "training")):
        more = capacity_data[name] - capacity_data[f"{name}_alone"]
        expected = more.sel(covariates="b").mean(("task", "repeat"))
        np.testing.assert_allclose(line(figure, panel, "b"), expected)
    assert "labels' units squared" in figure.axes[0].get_ylabel()


def test_similarity_draws_gain_over_both_scores(similarity_data):
    figure = similarity(similarity_data)
    assert_labelled(figure)
    assert len(figure.axes) == 4
    mean = similarity_data.sel(path="spectrum", samples_source=2_000).mean("repeat")
    np.testing.assert_allclose(line(figure, 1, "spectrum"), mean["relative_gain"])
    for panel, score in ((1, "similarity_normalised"), (3, "similarity")):
        (found,) = (
            one for one in figure.axes[panel].lines if one.get_label() == "spectrum"
        )
        np.testing.assert_allclose(np.asarray(found.get_xdata()), mean[score])


def test_weights_draws_clean_tasks_apart_from_all(weights_data):
    figure = weights(weights_data)
    assert_labelled(figure)
    risk = weights_data["risk_loudness"].sel(scheme="printed").mean("repeat")
    clean = line(figure, 4, "printed")
    np.testing.assert_allclose(clean, risk.sel(task=slice(1, None)).mean("task"))
    np.testing.assert_allclose(line(figure, 5, "printed"), risk.mean("task"))
    weight = weights_data["weight_loudness"].sel(scheme="printed")
    ratio = weight.sel(task=0) / weight.sel(task=slice(1, None)).mean("task")
    np.testing.assert_allclose(line(figure, 3, "printed"), ratio.mean("repeat"))


def test_one_repeat_is_drawn(capacity_data, similarity_data, weights_data):
    for figure, data in (
        (capacity, capacity_data),
        (similarity, similarity_data),
        (weights, weights_data),
    ):
        figure(data.isel(repeat=[0])).draw_without_rendering()
