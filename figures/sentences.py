"""Sentence sets: transfer from SST, capacity, and pairs; a panel a protocol."""

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


def sentence_transfer(data: xr.Dataset) -> Figure:
    """Draw the target's accuracy with SST, aligned and not, less that alone.

    Bars are means over runs with one standard error of the paired difference.

    Args:
        data: `alone`, `together`, `aligned` (protocol, target, run), per cent.
    """
    figure = _figure()
    panels = _panels(figure, data)
    names = [str(name).upper() for name in data["target"].to_numpy()]
    place = np.arange(len(names))
    for axes, protocol in panels:
        part = data.sel(protocol=protocol)
        for shift, (name, line, label) in enumerate(
            (("together", TOGETHER, "with SST"), ("aligned", ALIGNED, "and aligned"))
        ):
            gain = (part[name] - part["alone"]).transpose("target", "run")
            axes.errorbar(
                place + 0.16 * (2 * shift - 1),
                gain.mean("run").to_numpy(),
                yerr=style.standard_error(gain, "run"),
                fmt=line.marker,
                color=line.color,
                markersize=5,
                markerfacecolor="white" if shift == 0 else line.color,
                label=label,
            )
        axes.axhline(0, **style.REFERENCE)
        axes.set_xticks(place, names)
    panels[0][0].set_ylabel("gain over the target alone (points)")
    return _finish(figure, panels, data, "from SST to")


def sentence_capacity(data: xr.Dataset) -> Figure:
    """Draw accuracy against the capacity, each set alone and all together.

    Lines are means over sets, with one standard error over runs. Stars are the
    paper's, of an LSTM, whose capacity alone is the sum of six.

    Args:
        data: `alone`, `together` (protocol, width, set, run), per cent.
    """
    figure = _figure()
    panels = _panels(figure, data)
    width = data["width"].to_numpy()
    for axes, protocol in panels:
        part = data.sel(protocol=protocol).mean("set")
        for name, line, label in (
            ("alone", ALONE, "each alone"),
            ("together", TOGETHER, "all six"),
        ):
            values = part[name].transpose("width", "run")
            style.mean_line(axes, width, values, "run", line, label)
        axes.set_xscale("log")
        axes.set_xticks(width, [f"{value:g}" for value in width])
        axes.minorticks_off()
    for (place, value), line, label in (
        (PAPER_ALONE, ALONE, "paper, alone"),
        (PAPER_TOGETHER, TOGETHER, "paper, all six"),
    ):
        panels[0][0].plot(place, value, "*", color=line.color, ms=9, label=label)
    panels[0][0].set_ylabel("mean test accuracy (per cent)")
    return _finish(figure, panels, data, "capacity r of the shared module")


def sentence_pairs(data: xr.Dataset) -> Figure:
    """Draw the gain by alignment of all pairs over the change of their similarity.

    A point a pair, means over runs, with one standard error of the gain; titles say
    how many pairs gain.

    Args:
        data: `together`, `aligned`, `similarity`, `aligned_similarity` (protocol,
            pair, run).
    """
    figure = _figure()
    panels = _panels(figure, data)
    for axes, protocol in panels:
        part = data.sel(protocol=protocol).transpose("pair", "run")
        gain = part["aligned"] - part["together"]
        change = (part["aligned_similarity"] - part["similarity"]).mean("run")
        axes.errorbar(
            change.to_numpy(),
            gain.mean("run").to_numpy(),
            yerr=style.standard_error(gain, "run"),
            fmt=ALIGNED.marker,
            color=ALIGNED.color,
            markersize=4,
            lw=0.8,
            label="a pair of sets",
        )
        axes.axhline(0, **style.REFERENCE)
        axes.axvline(0, **style.REFERENCE)
    panels[0][0].set_ylabel("gain by alignment (points)")
    gains = (data["aligned"] - data["together"]).mean("run") > 0
    count = {p: int(gains.sel(protocol=p).sum()) for _, p in panels}
    _finish(figure, panels, data, "change of the similarity score by alignment")
    for axes, protocol in panels:
        said = f"{axes.get_title('left')}: {count[protocol]} of {gains.sizes['pair']}"
        style.tidy(axes, said)
    return figure


def _figure() -> Figure:
    width, height = style.PAGE
    return Figure(figsize=(width, 1.1 * height), layout="constrained")


def _panels(figure: Figure, data: xr.Dataset) -> list[tuple[Axes, str]]:
    protocols = [str(name) for name in data["protocol"].to_numpy()]
    grid = figure.subplots(1, len(protocols), sharex=True, sharey=True, squeeze=False)[
        0
    ]
    return list(zip(grid, protocols, strict=True))


def _finish(
    figure: Figure, panels: list[tuple[Axes, str]], data: xr.Dataset, abscissa: str
) -> Figure:
    for axes, protocol in panels:
        style.tidy(axes, TITLES.get(protocol, protocol))
    figure.supxlabel(abscissa, fontsize=style.TEXT)
    runs = data.sizes["run"]
    error = ", bars one standard error over runs" if runs > 1 else ""
    title = f"{str(data.attrs['encoder']).upper()}, {runs} run{'s' * (runs > 1)}{error}"
    style.legend_above(figure, panels[0][0], title)
    return figure
