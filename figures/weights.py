"""W-A2: task weights, for a pair of tasks and among tasks with bad labels."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from figures import style


def weights(data: xr.Dataset) -> Figure:
    """Draw risk against the weights of a pair, and four schemes under label noise.

    Left column: the target's excess risk over the ratio of weights; and how much
    Algorithm 2 weighs a bad task against a clean one. Middle: excess risk of the
    clean tasks; right: of all tasks. Bands are one standard error over draws.

    Args:
        data: `target_alone` (repeat), `target_joint` (source, ratio, repeat), and
            `risk_*`, `weight_*` (*, scheme, task, repeat), `alone_*` (*, task,
            repeat) for `share` and `loudness`; the coordinate `corrupted` (task).
    """
    width, height = style.PAGE
    figure = Figure(figsize=(1.25 * width, 1.8 * height), layout="constrained")
    grid = figure.subplots(2, 3)
    _pair(grid[0, 0], data)
    _ratios(grid[1, 0], data)
    for row, name in zip(grid, ("share", "loudness"), strict=True):
        _risk(row[1], data, name, clean=True)
        _risk(row[2], data, name, clean=False)
    style.legend_above(
        figure,
        grid[0, 1],
        title=f"weights; mean ± one standard error, {data.sizes['repeat']} draws",
    )
    return figure


def _pair(axes: Axes, data: xr.Dataset) -> None:
    alone = float(data["target_alone"].mean())
    axes.axhline(alone, **style.REFERENCE)
    _note(axes, "target alone", alone, 0.02)
    for source, line in zip(
        np.asarray(data["source"]), style.LINES[::-1], strict=False
    ):
        risk = data["target_joint"].sel(source=source)
        style.mean_line(axes, data["ratio"], risk, "repeat", line, f"{source} source")
    axes.set_xscale("log")
    axes.set_xlabel(style.axis_label(data["ratio"]))
    axes.set_ylabel(f"excess risk of the target\n{_unit(data['target_joint'])}")
    axes.legend(frameon=False, fontsize=style.SMALL, handlelength=3.5)
    axes.set_ylim(bottom=0)
    style.tidy(axes, "Two tasks")


def _ratios(axes: Axes, data: xr.Dataset) -> None:
    """A bad task's weight over a clean one's, as labels with unit energy see it."""
    axes.axhline(1, **style.REFERENCE)
    _note(axes, "as a clean task", 1.0, 0.02)
    bad = data["corrupted"]
    schemes = [str(name) for name in np.asarray(data["scheme"])]
    for name in ("printed", "standardised"):
        weight = data["weight_loudness"].sel(scheme=name)
        if name == "standardised":
            # The saved weights are for labels as they are, α_i/e_i.
            weight = weight / data["weight_loudness"].sel(scheme="uniform, scaled")
        ratio = weight.where(bad).mean("task") / weight.where(~bad).mean("task")
        line = style.LINES[schemes.index(name)]
        style.mean_line(axes, data["loudness"], ratio, "repeat", line, name)
    style.log_y(axes)
    _loudness_axis(axes, data["loudness"])
    axes.set_ylabel("weight, bad task / clean task")
    style.tidy(axes, "Weights by Algorithm 2")


def _risk(axes: Axes, data: xr.Dataset, name: str, *, clean: bool) -> None:
    risk, alone = data[f"risk_{name}"], data[f"alone_{name}"]
    if clean:
        risk, alone = (part.where(~data["corrupted"]) for part in (risk, alone))
    risk, alone = risk.mean("task"), alone.mean(("task", "repeat"))
    x = data[name]
    axes.plot(x, alone, label="tasks alone", **style.REFERENCE)
    schemes: Sequence[str] = [str(scheme) for scheme in np.asarray(data["scheme"])]
    for scheme, line in zip(schemes, style.LINES, strict=False):
        style.mean_line(axes, x, risk.sel(scheme=scheme), "repeat", line, scheme)
    if name == "loudness":
        _loudness_axis(axes, x)
    else:
        axes.set_xlabel(style.axis_label(x))
    if clean:
        axes.set_ylim(bottom=0)
    else:
        style.log_y(axes)
    axes.set_ylabel(f"excess risk\n{_unit(data[f'risk_{name}'])}")
    style.tidy(axes, "Clean tasks" if clean else "All tasks")


def _loudness_axis(axes: Axes, loudness: xr.DataArray) -> None:
    """Logarithmic, and linear below the least value above zero."""
    values = np.asarray(loudness)
    positive = values[values > 0]
    if len(positive):
        axes.set_xscale("symlog", base=2, linthresh=positive.min())
        axes.xaxis.set_major_locator(FixedLocator(list(values)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(-positive.min() / 5, values.max() * 1.2)
    axes.set_xlabel("sd of added noise / sd of labels")


def _unit(variable: xr.DataArray) -> str:
    return f"({variable.attrs['units']})"


def _note(axes: Axes, text: str, height: float, place: float) -> None:
    axes.annotate(
        text,
        (place, height),
        xytext=(0, -10),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=style.SMALL,
        color="0.35",
    )
