"""Risk of a target against the size of a source, drawn tasks over the limits."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style


def risk_curves(data: xr.Dataset) -> Figure:
    """Draw limits as lines and means of draws as markers, with two standard errors.

    One panel a kind of shift, one line a way of sharing. Dotted: the target alone.
    Arrows at the bottom: the sizes where hard sharing starts or stops to pay.

    Args:
        data: `risk` (shift, sharing, samples_source, repeat), `predicted` (shift,
            sharing, size), `predicted_alone`, `crossing` (shift, crossing), and the
            spec as an attribute.
    """
    spec = style.spec(data)
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.1 * height), layout="constrained")
    panels = figure.subplots(1, data.sizes["shift"], sharey=True, squeeze=False)[0]
    for axes, kind in zip(panels, data["shift"].to_numpy(), strict=True):
        _panel(axes, data.sel(shift=kind))
        style.tidy(axes, str(kind))
    panels[0].plot([], [], label="target alone", **style.REFERENCE)
    units = data["risk"].attrs["units"]
    panels[0].set_ylabel(f"risk on the target ({units})")
    style.legend_above(
        figure,
        panels[0],
        title=f"p = {spec['dimension']}, n₂ = {spec['samples_target']}, "
        f"σ² = {spec['noise'] ** 2:g}, μ² = {spec['shift_variance']:g} (0 under "
        f"covariate shift), condition {spec['condition']:g}\nlines: limits; markers: "
        f"mean ± two standard errors, {data.sizes['repeat']} draws; arrows: hard "
        "sharing starts or stops to pay",
    )
    return figure


def _panel(axes: Axes, data: xr.Dataset) -> None:
    axes.axhline(float(data["predicted_alone"]), **style.REFERENCE)
    for method, line in zip(data["sharing"].to_numpy(), style.LINES, strict=False):
        part = data.sel(sharing=method)
        axes.plot(
            data["size"].to_numpy(),
            part["predicted"].to_numpy(),
            color=line.color,
            linestyle=line.linestyle,
            linewidth=1.3,
        )
        axes.errorbar(
            data["samples_source"].to_numpy(),
            part["risk"].mean("repeat").to_numpy(),
            yerr=2 * style.standard_error(part["risk"], "repeat"),
            color=line.color,
            linestyle="none",
            marker=line.marker,
            markersize=4,
            markerfacecolor="white",
            elinewidth=1,
            capsize=2,
        )
        style.draw_line(axes, [], [], line, str(method))
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    for place in _known(data["crossing"]):
        axes.annotate(
            "",
            (place, 0),
            xytext=(0, 14),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1},
        )
    axes.set_xlabel(style.axis_label(data["samples_source"]))


def _known(values: xr.DataArray) -> np.ndarray:
    found = values.to_numpy()
    return found[~np.isnan(found)]
