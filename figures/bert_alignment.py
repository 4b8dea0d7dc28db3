"""W-F5a: what alignment is worth to BERT, pair by pair of GLUE's tasks."""

import json

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from figures import style


def bert_alignment(data: xr.Dataset) -> Figure:
    """Draw each group's gain, a dot a run and a bar of one standard error.

    The dashed line is the gain that the paper prints for all five tasks together.

    Args:
        data: `gain` (group, run), the gain that is printed as an attribute, and the
            spec as another.
    """
    spec = json.loads(data.attrs["spec"])
    groups = [str(name) for name in data["group"].to_numpy()]
    width, height = style.COLUMN
    size = (1.4 * width, max(height, 0.24 * len(groups) + 1.2))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
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
    name = spec["encoder"].rstrip("/").split("/")[-1]
    style.tidy(axes, "")
    figure.suptitle(
        f"{name}, B {spec['alignment']}, {spec['epochs']} epochs\n"
        "mean ± one standard error, a dash a seed",
        fontsize=style.TEXT,
    )
    return figure
