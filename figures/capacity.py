"""W-P1: excess risk and training loss against the width of the shared module."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures import style


def capacity(data: xr.Dataset) -> Figure:
    """Draw what the joint optimum has above single-task training, at every width.

    Left: excess risk, right: training loss, each a mean over tasks of the difference
    to the task alone, with one standard error over draws. From `r = k` on both are
    zero (Prop 1); below zero on the left, sharing helps.

    Args:
        data: `risk`, `training` (covariates, width, task, repeat), `risk_alone`,
            `training_alone` (covariates, task, repeat), and the spec as an attribute.
    """
    figure = Figure(figsize=style.PAGE, layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(left, data, "risk", "excess risk")
    _panel(right, data, "training", "training loss a row")
    spec = style.spec(data)
    style.tidy(left, f"Mean ± one standard error, {data.sizes['repeat']} draws")
    style.tidy(
        right,
        f"d = {spec['dimension']}, m = {spec['samples']}, "
        f"rank {spec['true_rank']} + {spec['deviation']:g}, σ = {spec['noise']:g}",
    )
    style.legend_above(figure, left)
    return figure


def _panel(axes: Axes, data: xr.Dataset, name: str, what: str) -> None:
    axes.axhline(0, **style.REFERENCE)
    style.mark_tasks(axes, data.sizes["task"], 0.5)
    more = (data[name] - data[f"{name}_alone"]).mean("task")
    width = data["width"]
    kinds = [str(kind) for kind in np.asarray(data["covariates"])]
    for kind, line in zip(kinds, style.LINES, strict=False):
        style.mean_line(axes, width, more.sel(covariates=kind), "repeat", line, kind)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(style.axis_label(width))
    axes.set_ylabel(f"{what}, joint − alone\n({data[name].attrs['units']})")
