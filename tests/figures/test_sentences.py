"""Figures of sentence sets: every number of the Dataset is on them."""

import numpy as np
import pytest
import xarray as xr

from figures.sentences import sentence_capacity, sentence_pairs, sentence_transfer
from figures.style import standard_error

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
    figure = sentence_transfer(data)
    for axes, protocol in zip(figure.axes, PROTOCOLS, strict=True):
        part = data.sel(protocol=protocol)
        for drawn, name in zip(axes.containers, ("together", "aligned"), strict=True):
            wanted = (part[name] - part["alone"]).mean("run")
            np.testing.assert_allclose(drawn[0].get_ydata(), wanted)
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
        assert axes.get_title("left").endswith(f": {count} of 15")
