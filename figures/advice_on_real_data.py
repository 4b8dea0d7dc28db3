"""Advice on real sets: gain predicted against gain measured, and right signs."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

# Gains beyond this are drawn on the edge: a loss of several hundred per cent is one.
EDGE = 1.0


def advice_on_real_data(data: xr.Dataset) -> Figure:
    """Draw both estimates of the gain over the measured one, and rates of right signs.

    Left and middle: a point a pair of tasks, means over splits, a marker a set. Right:
    rates with 95 % intervals over targets, filled for all pairs and open for pairs with
    a clear gain, mean of all sets.

    Args:
        data: `predicted`, `left_out`, `measured`, `pair_scope` (pair), `rate`,
            `rate_low`, `rate_high` (group, rule, subset), and the spec.
    """
    width, height = style.PAGE
    figure = Figure(figsize=(1.4 * width, 1.25 * height), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    _points(left, data, "predicted")
    style.tidy(left, "Estimated from (G, g, e)")
    _points(middle, data, "left_out")
    style.tidy(middle, "Estimated by leaving rows out")
    left.set_ylabel("measured gain / error alone")
    _rates(right, data)
    handles, labels = left.get_legend_handles_labels()
    repeats = style.spec(data)["repeats"]
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=style.SMALL,
        title=f"pairs of tasks, means over {repeats} splits; below −1 at the edge",
        title_fontsize=style.SMALL,
    )
    return figure


def _points(axes: Axes, data: xr.Dataset, name: str) -> None:
    scope = data["pair_scope"].to_numpy()
    sets = np.array([str(one).rsplit(",", 1)[0] for one in scope])
    markers = "o^sDvP*X"
    for index, one in enumerate(dict.fromkeys(sets)):
        mine = sets == one
        axes.scatter(
            np.clip(data[name].to_numpy()[mine], -EDGE, EDGE),
            np.clip(data["measured"].to_numpy()[mine], -EDGE, EDGE),
            s=9,
            marker=markers[index % len(markers)],
            color=style.LINES[index % len(style.LINES)].color,
            alpha=0.5,
            linewidths=0,
            label=one,
            rasterized=True,
        )
    ends = [-EDGE, EDGE]
    axes.plot(ends, ends, **style.REFERENCE)
    axes.axhline(0, color="0.8", lw=0.6, zorder=0)
    axes.axvline(0, color="0.8", lw=0.6, zorder=0)
    axes.set_xlabel("estimated gain / error alone")
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(-1.05, 1.05)


def _rates(axes: Axes, data: xr.Dataset) -> None:
    found = data.sel(group="all sets")
    rules = [str(rule) for rule in found["rule"].to_numpy()]
    for index, subset in enumerate(found["subset"].to_numpy()):
        part = found.sel(subset=subset)
        rate = part["rate"].to_numpy()
        bounds = [
            rate - part["rate_low"].to_numpy(),
            part["rate_high"].to_numpy() - rate,
        ]
        axes.errorbar(
            rate,
            np.arange(len(rules)) + 0.16 * (2 * index - 1),
            xerr=np.maximum(bounds, 0),
            fmt="o",
            color=style.LINES[0].color,
            markerfacecolor=style.LINES[0].color if index == 0 else "white",
            markersize=5,
            lw=1.2,
            label=str(subset),
        )
    axes.set_yticks(range(len(rules)), rules)
    axes.invert_yaxis()
    axes.axvline(0.5, **style.REFERENCE)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("rate of right signs, mean of all sets")
    axes.legend(frameon=False, fontsize=style.SMALL, loc="lower left")
    style.tidy(axes, "Does sharing pay?")
