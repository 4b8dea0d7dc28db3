"""W-F5a: what alignment is worth to BERT, pair by pair of GLUE's tasks."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

KINDS = {"before": "eq 5 before", "change": "its change"}


def bert_alignment(data: xr.Dataset) -> Figure:
    """Draw each group's gain, a dash a run and a bar of one standard error.

    The dashed line is the gain that the paper prints for all five tasks together.
    Where similarity was measured, a second panel has its rank correlation with the
    gain of pairs, layer by layer, with 95 % intervals.

    Args:
        data: `gain` (group, run), the gain that is printed as an attribute, and the
            spec as another; maybe `rank`, `rank_low` and `rank_high` (kind, layer).
    """
    spec = style.spec(data)
    width, height = style.COLUMN
    tall = max(height, 0.24 * data.sizes["group"] + 1.2)
    both = "rank" in data
    figure = Figure(
        figsize=(style.PAGE[0] if both else 1.4 * width, tall), layout="constrained"
    )
    if both:
        gains, ranks = figure.subplots(1, 2, width_ratios=(3, 2))
        _ranks(ranks, data)
    else:
        gains = figure.subplots()
    _gains(gains, data)
    name = spec["encoder"].rstrip("/").split("/")[-1]
    epochs = f"{spec['epochs']} epoch{'s' * (spec['epochs'] > 1)}"
    rows = f", {spec['rows']} rows a task" if spec["rows"] else ""
    figure.suptitle(
        f"{name}, B {spec['alignment']}, {epochs}{rows}\n"
        "mean ± one standard error, a dash a seed",
        fontsize=style.TEXT,
    )
    return figure


def _gains(axes: Axes, data: xr.Dataset) -> None:
    groups = [str(name) for name in data["group"].to_numpy()]
    axes.axvline(0, **style.REFERENCE)
    printed = data.attrs["printed_gain"]
    # A single dash pattern apart from the reference's dots.
    axes.axvline(printed, color=style.LINES[1].color, linestyle="--", linewidth=1)
    for place, name in enumerate(groups):
        values = data["gain"].sel(group=name).to_numpy()
        values = values[np.isfinite(values)]
        error = values.std(ddof=1) / np.sqrt(len(values))
        line = style.LINES[0]
        axes.plot(values, np.full(len(values), place), "|", color="0.5", markersize=6)
        axes.errorbar(
            values.mean(), place, xerr=error, fmt=line.marker, color=line.color,
            markersize=4.5, capsize=2.5,
        )  # fmt: skip
    axes.set_yticks(range(len(groups)), groups)
    axes.set_xlabel(style.axis_label(data["gain"]))
    axes.annotate(
        f"W, BERT-large, all five: {printed:g}",
        (printed, 1),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        xytext=(-3, 3),
        ha="right",
        fontsize=style.SMALL,
    )
    style.tidy(axes, "")


def _ranks(axes: Axes, data: xr.Dataset) -> None:
    axes.axhline(0, **style.REFERENCE)
    layers = data["layer"].to_numpy()
    for kind, aside, line in zip(KINDS, (-0.12, 0.12), style.LINES, strict=False):
        one = data.sel(kind=kind)
        middle = one["rank"].to_numpy()
        reach = [middle - one["rank_low"].to_numpy(), one["rank_high"] - middle]
        axes.errorbar(
            layers + aside, middle, yerr=reach, fmt=line.marker, color=line.color,
            markersize=4, capsize=2, label=KINDS[kind],
        )  # fmt: skip
    axes.set_ylim(-1, 1)
    axes.set_xticks(layers)
    axes.set_xlabel(style.axis_label(data["layer"]))
    axes.set_ylabel(style.axis_label(data["rank"]))
    # Above the panel: intervals of ten pairs fill it.
    axes.legend(
        fontsize=style.SMALL, frameon=False, ncols=2, loc="lower center",
        bbox_to_anchor=(0.5, 1), borderpad=0, columnspacing=1,
    )  # fmt: skip
    style.tidy(axes, "")
