"""W-F2 (Fig 2): three classification tasks in the plane, and the target's accuracy."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from figures import style

# Classes differ in their marker, not in colour alone.
CLASSES = ((0, "_", "#D55E00"), (1, "+", "#0072B2"))
ALONE = style.LINES[3]


def classification(data: xr.Dataset) -> Figure:
    """Draw one draw of the three tasks, and the target's accuracy over all draws.

    Top: rows of a task with its own boundary (dotted), and on the target the
    boundaries that were found, in the lines of the legend. Bottom: accuracy on new
    labels, and what a source adds to it, at the angle of the picture; means with one
    standard error.

    Args:
        data: `accuracy_joint`, `gain` (angle, source, samples_target, repeat),
            `accuracy_alone` (samples_target, repeat), `shown_inputs` (task, row,
            axis), `shown_labels` (task, row), `shown_turn` (fit), and the spec as an
            attribute.
    """
    spec = style.spec(data)
    angle = spec["shown"][0]
    width, height = style.PAGE
    figure = Figure(figsize=(1.1 * width, 2.1 * height), layout="constrained")
    grid = figure.add_gridspec(2, 6)
    for place, task in enumerate(data["task"].to_numpy()):
        axes = figure.add_subplot(grid[0, 2 * place : 2 * place + 2])
        drawn = data.sel(task=task)
        _rows(axes, drawn)
        _line(axes, 0.0 if task == "target" else angle, **style.REFERENCE)
        if task == "target":
            _found(axes, data)
        style.tidy(axes, f"{task}, {int(drawn['shown_labels'].count())} rows")
    left = figure.add_subplot(grid[1, :3])
    right = figure.add_subplot(grid[1, 3:])
    here = data.sel(angle=angle)
    _accuracy(left, here)
    _gain(right, here)
    style.tidy(left, f"Mean ± one standard error, {data.sizes['repeat']} draws")
    style.tidy(right, f"Boundaries {angle:g}° apart, {spec['flips']:.0%} flipped")
    style.legend_above(figure, left)
    return figure


def _rows(axes: Axes, drawn: xr.Dataset) -> None:
    inputs, labels = drawn["shown_inputs"].to_numpy(), drawn["shown_labels"].to_numpy()
    for label, marker, color in CLASSES:
        own = inputs[labels == label]
        axes.scatter(*own.T, marker=marker, color=color, s=22, linewidths=1)
    axes.set_aspect("equal", "datalim")
    axes.set_xlabel("input 1")
    axes.set_ylabel("input 2")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _found(axes: Axes, data: xr.Dataset) -> None:
    fits = data["fit"].to_numpy()
    for fit, line in zip(fits, (ALONE, *style.LINES[:2]), strict=True):
        turn = float(data["shown_turn"].sel(fit=fit))
        _line(axes, turn, color=line.color, linestyle=line.linestyle, linewidth=1.3)


def _line(axes: Axes, turn: float, **how: Any) -> None:
    """A boundary: the line through the origin, at right angles to its normal."""
    normal = np.deg2rad(turn)
    axes.axline((0, 0), (-np.sin(normal), np.cos(normal)), **how)


def _accuracy(axes: Axes, here: xr.Dataset) -> None:
    rows = here["samples_target"]
    alone = here["accuracy_alone"]
    style.mean_line(axes, rows, alone, "repeat", ALONE, "target alone")
    for source, line in zip(_sources(here)[:2], style.LINES, strict=False):
        right = here["accuracy_joint"].sel(source=source)
        style.mean_line(axes, rows, right, "repeat", line, f"with {source}")
    axes.set_ylabel("test accuracy of the target")
    _row_axis(axes, here)


def _gain(axes: Axes, here: xr.Dataset) -> None:
    axes.axhline(0, **style.REFERENCE)
    for source, line in zip(_sources(here), style.LINES, strict=False):
        gain = 100 * here["gain"].sel(source=source)
        style.mean_line(axes, here["samples_target"], gain, "repeat", line, source)
    axes.set_ylabel("gain in accuracy (percentage points)")
    axes.legend(frameon=False, fontsize=style.SMALL, handlelength=3.5)
    _row_axis(axes, here)


def _sources(here: xr.Dataset) -> list[str]:
    return [str(source) for source in here["source"].to_numpy()]


def _row_axis(axes: Axes, here: xr.Dataset) -> None:
    rows = here["samples_target"]
    axes.set_xscale("log")
    axes.set_xticks(rows.to_numpy())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_xlabel(style.axis_label(rows))
