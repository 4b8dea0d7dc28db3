"""The figure of advice, on made-up data."""

import numpy as np
import pytest
import xarray as xr

from figures import __main__ as front
from figures.advice import advice


def made(k: int) -> xr.Dataset:
    """The last task is withheld; groups are every second task."""
    rng = np.random.default_rng(0)
    gain = rng.normal(size=(k, k)) / 4
    np.fill_diagonal(gain, 0)
    gain[-1] = gain[:, -1] = np.nan
    both = ("source", "target")
    groups = np.arange(k) % 2
    groups[-1] = -1
    names = [f"task {i}" for i in range(k)]
    return xr.Dataset(
        {
            "gain": (both, gain),
            "gain_low": (both, gain - 0.1),
            "gain_high": (both, gain + 0.1),
            "weight": (both, np.abs(gain)),
            "similarity_normalised": (both, np.ones((k, k))),
            "group": ("target", groups),
            "withheld": ("target", np.where(groups < 0, "few rows", "")),
        },
        {"source": names, "target": names},
        {"confidence": 0.95, "suggested_width": 2},
    )


def test_tasks_are_ordered_by_group_and_the_withheld_left_out():
    data = made(6)
    figure = advice(data)
    similarity, gain, _ = figure.axes[:3]
    labels = [text.get_text() for text in similarity.get_yticklabels()]
    assert labels == ["task 0", "task 2", "task 4", "task 1", "task 3"]
    order = [0, 2, 4, 1, 3]
    (image,) = gain.images
    wanted = 100 * data["gain"].to_numpy()[np.ix_(order, order)]
    np.testing.assert_allclose(np.asarray(image.get_array()), wanted)
    assert len(gain.patches) == 2
    title = figure.get_suptitle()
    assert "5 tasks in 2 groups" in title
    assert "r = 2; 1 tasks withheld" in title


def test_a_gain_is_bold_where_its_interval_leaves_out_zero():
    data = made(6)
    _, gain, _ = advice(data).axes[:3]
    order = [0, 2, 4, 1, 3]
    values = data["gain"].to_numpy()[np.ix_(order, order)]
    for text in gain.texts:
        column, row = (int(place) for place in text.get_position())
        sure = abs(values[row, column]) > 0.1
        assert (text.get_fontweight() == "bold") == sure
        assert float(text.get_text()) == pytest.approx(100 * values[row, column], abs=1)


def test_many_tasks_get_signs_then_colours_alone():
    _, gain, weight = advice(made(12)).axes[:3]
    assert {text.get_text() for text in gain.texts} == {"+", "−"}
    assert not weight.texts
    _, gain, _ = advice(made(60)).axes[:3]
    assert not gain.texts


def test_only_what_is_asked_for_is_drawn(tmp_path, capsys):
    made(4).to_zarr(tmp_path / "advice.zarr", zarr_format=2, consolidated=True)
    places = ["--results", str(tmp_path), "--out", str(tmp_path / "out")]
    assert front.main([*places, "--only", "advice"]) == 0
    assert "missing" not in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "advice.png",
        "advice.pdf",
    }
    assert front.main([*places, "--only", "advise"]) == 1
    assert "no ['advise']: there are" in capsys.readouterr().err


def test_names_are_drawn_as_they_are_and_missing_letters_by_their_code():
    data = made(5)
    names = ["A$x_{$", "$5 to $10", "港", "d", "e"]
    data = data.assign_coords(source=names, target=names)
    data["weight"][:] = np.nan
    data["gain"][0, 1] = -1e6
    figure = advice(data)
    figure.draw_without_rendering()
    similarity, gain, _ = figure.axes[:3]
    shown = {text.get_text() for text in similarity.get_yticklabels()}
    assert shown == {"A$x_{$", "$5 to $10", "<U+6E2F>", "d"}
    assert "< −1000" in {text.get_text() for text in gain.texts}
