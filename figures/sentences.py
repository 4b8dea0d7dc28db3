"""Sentence sets: transfer from SST, capacity, and pairs.

A row an encoder, a panel a protocol. What the paper found with its LSTM is drawn beside
it where the Dataset says so, by attributes or variables with names in `paper_`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

# The paper's protocols against leaks, as titles.
TITLES = {
    "naive": "sets as they are",
    "exact": "no exact duplicates",
    "near": "no near-duplicates",
}
ALONE, TOGETHER, ALIGNED = style.LINES[:3]
# Figure 6 of the paper: accuracy alone (mean of its column) and together (mean of its
# column, which is not the printed 85.1), and their capacities, an LSTM's.
PAPER_ALONE, PAPER_TOGETHER = (1205, 82.6), (100, 86.8)
# What the paper found.
PAPER = {"color": "black", "linewidth": 0.9, "linestyle": (0, (4, 2))}
STAR: dict[str, Any] = {"linestyle": "", "marker": "*", "markersize": 8}

Row = tuple[xr.Dataset, list[tuple[Axes, str]]]


def sentence_transfer(*encoders: xr.Dataset) -> Figure:
    """Draw the target's gain by training with SST, and by alignment on top of that.

    Points are means over runs with one standard error of the paired difference; titles
    say how many targets gain by alignment.

    Args:
        encoders: `alone`, `together`, `aligned` (protocol, target, run), per cent, of
            each encoder.

    Raises:
        ValueError: There is none.
    """
    figure, rows = _grid(encoders)
    for data, panels in rows:
        names = [str(name).upper() for name in data["target"].to_numpy()]
        place = np.arange(len(names))
        for axes, protocol in panels:
            part = data.sel(protocol=protocol)
            by = {
                "by training with SST": (part["together"] - part["alone"], TOGETHER),
                "by alignment": (part["aligned"] - part["together"], ALIGNED),
            }
            for shift, (label, (gain, line)) in enumerate(by.items()):
                at = place + 0.16 * (2 * shift - 1)
                _points(axes, at, gain.transpose("target", "run"), line, label)
            _paper_gain(axes, data)
            axes.set_xticks(place, names)
            better = _better(part, "target")
            style.tidy(axes, f"{TITLES.get(protocol, protocol)}\n{better}")
        panels[0][0].set_ylabel(f"{_encoder(data)}\ngain (points)")
    return _finish(figure, rows, "from SST to")


def sentence_capacity(*encoders: xr.Dataset) -> Figure:
    """Draw accuracy against the capacity, each set alone and all together.

    Lines are means over sets, with one standard error over runs. Stars are the
    paper's, of an LSTM, whose capacity alone is the sum of six.

    Args:
        encoders: `alone`, `together` (protocol, width, set, run), per cent, of each
            encoder.

    Raises:
        ValueError: There is none.
    """
    figure, rows = _grid(encoders)
    for data, panels in rows:
        width = data["width"].to_numpy()
        for axes, protocol in panels:
            part = data[["alone", "together"]].sel(protocol=protocol).mean("set")
            for name, line, label in (
                ("alone", ALONE, "each alone"),
                ("together", TOGETHER, "all six"),
            ):
                values = part[name].transpose("width", "run")
                style.mean_line(axes, width, values, "run", line, label)
            axes.set_xscale("log")
            axes.set_xticks(width, [f"{value:g}" for value in width])
            axes.minorticks_off()
            style.tidy(axes, TITLES.get(protocol, protocol))
        for (place, value), line, label in (
            (PAPER_ALONE, ALONE, "paper, alone"),
            (PAPER_TOGETHER, TOGETHER, "paper, all six"),
        ):
            star: dict[str, Any] = STAR | {"color": line.color, "label": label}
            panels[0][0].plot([place], [value], **star)
        panels[0][0].set_ylabel(f"{_encoder(data)}\nmean test accuracy (per cent)")
    return _finish(figure, rows, "capacity r of the shared module", "bands")


def sentence_gains(*encoders: xr.Dataset) -> Figure:
    """Draw what training together is worth to each set; a panel an encoder.

    A marker a protocol, every model at the capacity that its dev parts choose, one
    standard error over runs. Stars are the paper's, of its LSTM.

    Args:
        encoders: `best_alone`, `best_together` (protocol, set, run) and `paper_alone`,
            `paper_together` (set), per cent, of each encoder.

    Raises:
        ValueError: There is none.
    """
    _some(encoders)
    figure = Figure(figsize=style.PAGE, layout="constrained")
    grid = figure.subplots(1, len(encoders), sharey=True, squeeze=False)[0]
    for axes, data in zip(grid, encoders, strict=True):
        names = [str(name) for name in data["set"].to_numpy()]
        place = np.arange(len(names))
        paper = data["paper_together"] - data["paper_alone"]
        star: dict[str, Any] = STAR | {"color": "black", "label": "paper (LSTM)"}
        axes.plot(place, paper.to_numpy(), **star)
        for number, (protocol, label) in enumerate(TITLES.items()):
            if protocol in data["protocol"]:
                part = data.sel(protocol=protocol)
                gain = part["best_together"] - part["best_alone"]
                at = place + 0.22 * (number - 1)
                line = style.LINES[number]
                _points(axes, at, gain.transpose("set", "run"), line, label)
        axes.axhline(0, **style.REFERENCE)
        axes.set_xticks(place, [name.upper() for name in names], rotation=40)
        style.tidy(axes, _encoder(data))
    grid[0].set_ylabel("gain of training together (points)")
    style.legend_above(figure, max(grid, key=lambda axes: len(axes.containers)))
    return figure


def sentence_pairs(*encoders: xr.Dataset) -> Figure:
    """Draw the gain by alignment of all pairs over the change of their similarity.

    A point a pair, means over runs, with one standard error of the gain; titles say
    how many pairs gain.

    Args:
        encoders: `together`, `aligned`, `similarity`, `aligned_similarity` (protocol,
            pair, run), of each encoder.

    Raises:
        ValueError: There is none.
    """
    figure, rows = _grid(encoders)
    for data, panels in rows:
        for axes, protocol in panels:
            part = data.sel(protocol=protocol)
            gain = (part["aligned"] - part["together"]).transpose("pair", "run")
            change = (part["aligned_similarity"] - part["similarity"]).mean("run")
            _points(axes, change.to_numpy(), gain, ALIGNED, "a pair of sets")
            _paper_gain(axes, data)
            axes.axvline(0, **style.REFERENCE)
            better = _better(part, "pair")
            style.tidy(axes, f"{TITLES.get(protocol, protocol)}\n{better}")
        panels[0][0].set_ylabel(f"{_encoder(data)}\ngain by alignment (points)")
    return _finish(figure, rows, "change of the similarity score by alignment")


def _points(
    axes: Axes, place: np.ndarray, gain: xr.DataArray, line: style.Line, label: str
) -> None:
    axes.errorbar(
        place,
        gain.mean("run").to_numpy(),
        yerr=style.standard_error(gain, "run"),
        fmt=line.marker,
        color=line.color,
        markersize=4,
        lw=0.8,
        markerfacecolor="white" if line == TOGETHER else line.color,
        label=label,
    )


def _better(part: xr.Dataset, axis: str) -> str:
    """How many gain by alignment on average, of those that were trained."""
    gain = (part["aligned"] - part["together"]).mean("run").dropna(axis)
    return f"{int((gain > 0).sum())} of {gain.sizes[axis]} gain"


def _paper_gain(axes: Axes, data: xr.Dataset) -> None:
    """Zero, and the largest gain by alignment that the paper tells of."""
    axes.axhline(0, **style.REFERENCE)
    if "paper_largest" in data.attrs:
        label = (
            f"paper (LSTM): {data.attrs['paper_gaining']} gain by alignment, up to this"
        )
        axes.axhline(data.attrs["paper_largest"], **PAPER, label=label)


def _encoder(data: xr.Dataset) -> str:
    runs = data.sizes["run"]
    return f"{str(data.attrs['encoder']).upper()}, {runs} run{'s' * (runs > 1)}"


def _some(encoders: Sequence[xr.Dataset]) -> None:
    if not encoders:
        raise ValueError("a picture of sentence sets needs the data of an encoder")


def _grid(encoders: Sequence[xr.Dataset]) -> tuple[Figure, list[Row]]:
    """A row an encoder, a panel a protocol; panels that were not run are left blank."""
    _some(encoders)
    named = [[str(name) for name in data["protocol"].to_numpy()] for data in encoders]
    protocols = sorted({name for one in named for name in one}, key=_order)
    width, height = style.PAGE
    size = (width, (0.35 + 0.75 * len(encoders)) * height)
    figure = Figure(figsize=size, layout="constrained")
    shape = (len(encoders), len(protocols))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    rows: list[Row] = []
    for line, data, mine in zip(grid, encoders, named, strict=True):
        panels = dict(zip(protocols, line, strict=True))
        for protocol in set(protocols) - set(mine):
            panels[protocol].set_visible(False)
        shown = [(panels[name], name) for name in sorted(mine, key=_order)]
        # Shared axes are labelled at the left edge, where this row may have no panel.
        shown[0][0].tick_params(labelleft=True)
        rows.append((data, shown))
    return figure, rows


def _order(protocol: str) -> tuple[int, str]:
    known = list(TITLES)
    return known.index(protocol) if protocol in known else len(known), protocol


def _finish(
    figure: Figure, rows: Sequence[Row], abscissa: str, error: str = "bars"
) -> Figure:
    figure.supxlabel(abscissa, fontsize=style.TEXT)
    several = any(data.sizes["run"] > 1 for data, _ in rows)
    title = f"{error}: one standard error over runs" if several else None
    style.legend_above(figure, rows[0][1][0][0], title)
    return figure
