"""How much of the right side of Theorem 2, and of what is beside it, is used."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

NAMES = {
    "W-T2h": "Theorem 2, mended (W-T2h)",
    "W-T2r": "the same, ReLU (W-T2r)",
    "W-T2s": "sharper bound (W-T2s)",
}


def theorem_2_tightness(data: xr.Dataset) -> Figure:
    """Draw the share of random instances against `lhs/rhs`, and the largest found.

    Steps are bins of `log lhs/rhs`; the first has all that is below it. The mark of a
    statement is the largest ratio that any search found: right of 1 it would be broken.

    Args:
        data: `count` (statement, bin), `feasible`, `found` (statement), and the edges
            `low` and `high` of the bins.
    """
    width, height = style.PAGE
    figure = Figure(figsize=(0.75 * width, 1.1 * height), layout="constrained")
    axes = figure.subplots()
    edges = np.append(data["low"].to_numpy(), data["high"].to_numpy()[-1])
    share = 100 * data["count"] / data["feasible"]
    top = float(share.max())
    axes.axvline(1, **style.REFERENCE)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.4 * top)
    for place, name in enumerate(data["statement"].to_numpy()):
        line = style.LINES[place]
        one = data.sel(statement=name)
        said = NAMES.get(str(name), str(name))
        axes.stairs(
            share.sel(statement=name).to_numpy(),
            edges,
            color=line.color,
            linestyle=line.linestyle,
            linewidth=1.4,
            label=f"{said}, {int(one['feasible']):,} instances",
        )
        _largest(axes, float(one["found"]), (1.32 - 0.1 * place) * top, line)
    axes.text(
        1.04, 0.5 * top, "broken", fontsize=style.SMALL, color="0.35", rotation=90
    )
    axes.set_xlabel("share of the right side in use, lhs/rhs")
    axes.set_ylabel("random instances (%)")
    axes.legend(frameon=False, fontsize=style.SMALL, handlelength=3.5, loc="upper left")
    style.tidy(
        axes, "Random instances, and the largest lhs/rhs found by ascent (marks)"
    )
    return figure


def _largest(axes: Axes, found: float, height: float, line: style.Line) -> None:
    axes.plot(
        [found],
        [height],
        color=line.color,
        marker=line.marker,
        markerfacecolor="white",
        markersize=6,
        linestyle="none",
    )
    axes.annotate(
        f"{found:.2g}",
        (found, height),
        xytext=(-7, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=style.SMALL,
    )
