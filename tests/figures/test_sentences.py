"""Figures of sentence sets: every number of the Dataset is on them."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures import __main__ as front
from figures.sentences import (
    TITLES,
    sentence_capacity,
    sentence_gains,
    sentence_pairs,
    sentence_transfer,
)
from figures.style import standard_error
from paper_checks.sentences import record
from paper_checks.sentences.printed import FIGURE_6

PROTOCOLS = ["naive", "exact", "near"]
RNG = np.random.default_rng(0)


def made(names: tuple[str, ...], **sizes: int) -> xr.Dataset:
    shape = (3, *sizes.values())
    axes = ("protocol", *sizes)
    data = {name: (axes, 70 + 10 * RNG.random(shape)) for name in names}
    found = xr.Dataset(data, {"protocol": PROTOCOLS}, {"encoder": "mlp"})
    return found


@pytest.mark.parametrize("runs", [1, 4])
def test_transfer_draws_every_gain(runs: int):
    data = made(("alone", "together", "aligned"), target=5, run=runs)
    data = data.assign_coords(target=["mr", "cr", "subj", "mpqa", "trec"])
    data = data.assign_attrs(paper_largest=2.5, paper_gaining=4)
    figure = sentence_transfer(data)
    for axes, protocol in zip(figure.axes, PROTOCOLS, strict=True):
        part = data.sel(protocol=protocol)
        by = (part["together"] - part["alone"], part["aligned"] - part["together"])
        for drawn, gain in zip(axes.containers, by, strict=True):
            np.testing.assert_allclose(drawn[0].get_ydata(), gain.mean("run"))
        count = int((by[1].mean("run") > 0).sum())
        assert axes.get_title("left").endswith(f"\n{count} of 5 gain")
        (paper,) = [one for one in axes.lines if "paper" in str(one.get_label())]
        np.testing.assert_array_equal(paper.get_ydata(), 2.5)
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["MR", "CR", "SUBJ", "MPQA", "TREC"]


def test_capacity_draws_means_over_sets_and_the_papers_table():
    data = made(("alone", "together"), width=3, set=6, run=2)
    data = data.assign_coords(width=[5, 25, 100])
    figure = sentence_capacity(data)
    for axes, protocol in zip(figure.axes, PROTOCOLS, strict=True):
        part = data.sel(protocol=protocol).mean(("set", "run"))
        for line, name in zip(axes.lines, ("alone", "together"), strict=False):
            np.testing.assert_allclose(np.asarray(line.get_ydata()), part[name])
    stars = [line.get_xydata() for line in figure.axes[0].lines[2:]]
    np.testing.assert_allclose(np.concatenate(stars), [[1205, 82.6], [100, 86.8]])


def test_gains_of_sets_are_drawn_beside_the_papers():
    names = ("best_alone", "best_together")
    data = made(names, set=6, run=3).assign_coords(set=list(FIGURE_6))
    _, alone, together = np.array(list(FIGURE_6.values())).T
    data = data.assign(paper_alone=("set", alone), paper_together=("set", together))
    figure = sentence_gains(data.isel(run=[0], protocol=[0, 2]), data)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["MLP, 1 run", "MLP, 3 runs"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][1:] == list(TITLES.values())
    few, axes = figure.axes
    colours = [[one[0].get_color() for one in a.containers] for a in (few, axes)]
    assert colours[0] == [colours[1][0], colours[1][2]]
    stars = np.asarray(axes.lines[0].get_ydata())
    np.testing.assert_allclose(stars, together - alone)
    for drawn, protocol in zip(axes.containers, PROTOCOLS, strict=True):
        part = data.sel(protocol=protocol)
        gain = part["best_together"] - part["best_alone"]
        np.testing.assert_allclose(drawn[0].get_ydata(), gain.mean("run"))
    with pytest.raises(ValueError, match="needs the data of an encoder"):
        sentence_gains()


def test_pairs_draw_gain_over_change_of_similarity():
    names = ("alone", "together", "aligned", "similarity", "aligned_similarity")
    data = made(names, pair=15, run=3)
    figure = sentence_pairs(data)
    for axes, protocol in zip(figure.axes, PROTOCOLS, strict=True):
        part = data.sel(protocol=protocol)
        gain = part["aligned"] - part["together"]
        change = (part["aligned_similarity"] - part["similarity"]).mean("run")
        (drawn,) = axes.containers
        np.testing.assert_allclose(drawn[0].get_xdata(), change)
        np.testing.assert_allclose(drawn[0].get_ydata(), gain.mean("run"))
        (bars,) = drawn[2]
        sizes = np.array([np.ptp(one[:, 1]) / 2 for one in bars.get_segments()])
        np.testing.assert_allclose(sizes, standard_error(gain, "run"))
        count = int((gain.mean("run") > 0).sum())
        assert axes.get_title("left").endswith(f"\n{count} of 15 gain")


def test_encoders_are_rows_and_what_was_not_trained_is_blank():
    names = ("alone", "together", "aligned", "similarity", "aligned_similarity")
    data = made(names, pair=15, run=2)
    few = data.sel(protocol=["near"]).assign_attrs(encoder="lstm").copy(deep=True)
    few["aligned"][0, 3] = np.nan
    figure = sentence_pairs(few, data)
    assert len(figure.axes) == 6
    seen = [axes.get_visible() for axes in figure.axes]
    assert seen == [False, False, True, True, True, True]
    assert figure.axes[2].get_title("left").endswith(" of 14 gain")
    assert figure.axes[2].get_ylabel().startswith("LSTM, 2 runs")
    # At the first panel that there is, numbers stand beside the axis.
    labelled = [axes.yaxis.get_tick_params()["labelleft"] for axes in figure.axes[2:]]
    assert labelled == [True, True, False, False]
    figure.draw_without_rendering()


def test_records_are_drawn_without_data(tmp_path, monkeypatch, capsys):
    data = made(("alone", "together", "aligned"), target=5, run=2)
    data = data.assign_coords(target=list("abcde"))
    data["aligned"][0, 0] = np.nan
    drawn: list[list[str]] = []

    def draw(*encoders: xr.Dataset) -> Figure:
        drawn.append([one.attrs["encoder"] for one in encoders])
        for one in encoders:
            wanted = record.rounded(data).assign_attrs(one.attrs)
            xr.testing.assert_identical(one, wanted)
        return Figure()

    kept = {"figure_5b": ("sentence_transfer", draw), "figure_7": ("pairs", draw)}
    monkeypatch.setattr(front, "ON_RECORD", kept)
    for kind in ("mlp", "lstm"):
        path = record.path_of("sentence_transfer", kind, tmp_path)
        record.write(data.assign_attrs(encoder=kind), path)
    asked = ["--records", str(tmp_path), "--results", str(tmp_path / "none")]
    asked += ["--out", str(tmp_path / "out"), "--only", "figure_5b"]
    assert front.main(asked) == 0
    assert drawn == [["lstm", "mlp"]]
    assert (tmp_path / "out" / "figure_5b.png").is_file()
    path.write_text("{")
    assert front.main(asked) == 1
    assert f"{path} cannot be read" in capsys.readouterr().err
