import json

import numpy as np
import pytest
import xarray as xr

from figures.classification import classification

SOURCES = ["source 2", "source 3", "source 3, inputs of source 2"]
ROWS = np.array([20, 40, 80])


@pytest.fixture
def data() -> xr.Dataset:
    rng = np.random.default_rng(0)
    axes = ("angle", "source", "samples_target", "repeat")
    alone = rng.uniform(0.7, 0.9, size=(3, 20))
    joint = rng.uniform(0.7, 0.9, size=(2, 3, 3, 20))
    inputs = rng.normal(size=(3, 30, 2))
    labels = (inputs[..., 0] > 0).astype(float)
    inputs[0, 10:], labels[0, 10:] = np.nan, np.nan
    spec = {"shown": [10.0, 20], "flips": 0.1}
    said = {"long_name": "size of the target", "units": "samples"}
    return xr.Dataset(
        {
            "accuracy_joint": (axes, joint),
            "accuracy_alone": (axes[2:], alone),
            "gain": (axes, joint - alone),
            "shown_inputs": (("task", "row", "axis"), inputs),
            "shown_labels": (("task", "row"), labels),
            "shown_turn": ("fit", [12.0, -4.0, 30.0]),
        },
        coords={
            "angle": [0.0, 10.0],
            "source": SOURCES,
            "samples_target": ("samples_target", ROWS, said),
            "task": ["target", "source 2", "source 3"],
            "fit": ["target alone", "with source 2", "with source 3"],
        },
        attrs={"spec": json.dumps(spec)},
    )


def test_rows_are_drawn_by_class_and_padding_is_not(data):
    target, second = classification(data).axes[:2]
    assert target.get_title(loc="left") == "target, 10 rows"
    assert second.get_title(loc="left") == "source 2, 30 rows"
    for axes, task in ((target, 0), (second, 1)):
        for points, label in zip(axes.collections, (0, 1), strict=True):
            wanted = data["shown_inputs"][task].values[
                data["shown_labels"][task].values == label
            ]
            np.testing.assert_allclose(np.asarray(points.get_offsets()), wanted)


def test_boundaries_are_at_right_angles_to_what_was_found(data):
    target, second = classification(data).axes[:2]

    def normal(line) -> float:
        (x, y), slope = line.get_xy1(), line.get_slope()
        assert (x, y) == (0, 0)
        if slope is None:
            (x, y) = line.get_xy2()
            return float(np.rad2deg(np.arctan2(-x, y)))
        return float(np.rad2deg(np.arctan2(-1, slope)) % 180)

    (own,) = second.lines
    assert normal(own) == pytest.approx(10)
    assert [normal(line) for line in target.lines] == pytest.approx([0, 12, -4, 30])
    # They are drawn as the curves of the same names are.
    curves = {line.get_label(): line for line in classification(data).axes[3].lines}
    for line, fit in zip(target.lines[1:], data["fit"].values, strict=True):
        assert line.get_color() == curves[str(fit)].get_color()
        assert line.get_linestyle() == curves[str(fit)].get_linestyle()


def test_curves_are_means_at_the_angle_of_the_picture(data):
    accuracy, gain = classification(data).axes[3:]
    here = data.sel(angle=10.0).mean("repeat")
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in gain.lines}
    for source in SOURCES:
        wanted = 100 * here["gain"].sel(source=source)
        np.testing.assert_allclose(lines[source], wanted)
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in accuracy.lines}
    np.testing.assert_allclose(lines["target alone"], here["accuracy_alone"])
    wanted = here["accuracy_joint"].sel(source="source 3")
    np.testing.assert_allclose(lines["with source 3"], wanted)
    assert accuracy.get_xlabel() == "size of the target (samples)"
    markers = [str(line.get_marker()) for line in gain.lines[1:]]
    assert len(set(markers)) == len(SOURCES)


def test_one_repeat_is_drawn(data):
    classification(data.isel(repeat=[0])).draw_without_rendering()
