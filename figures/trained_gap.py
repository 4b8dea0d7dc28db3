"""How far training ends above the optimum, over width, conditioning and turn."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

# Shares of the explained energy. A certificate is worth the first; below it is zero.
FLOOR, FAILED = 1e-9, 1e-6
AXES = ("width", "condition", "angle")
SHORT = {"width": "r = {:g}", "condition": "κ = {:g}", "angle": "turn = {:g}°"}


def trained_gap(data: xr.Dataset) -> Figure:
    """Draw mean gap and share of starts that fail, per method, over three axes.

    In a panel one of width, condition and angle varies and the spec's `shown` holds the
    others. Values are means over the starts of a draw; lines are means over draws,
    bands one standard error. Where a bar of gray is behind, the optimum is not
    certified for all draws, and the gap is to the best known loss.

    Args:
        data: `gap` (condition, angle, width, solver, repeat, start), `certified`
            (condition, angle, width, repeat), and the spec as an attribute.
    """
    spec = style.spec(data)
    shown = dict(zip(AXES, spec["shown"], strict=True))
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.9 * height), layout="constrained")
    grid = figure.subplots(2, len(AXES), sharey="row", sharex="col")
    gap = data["gap"].clip(min=FLOOR).mean("start")
    failed = (data["gap"] > FAILED).mean("start")
    for place, name in enumerate(AXES):
        held = {other: value for other, value in shown.items() if other != name}
        certified = data["certified"].sel(held).all("repeat")
        for axes, values in zip(grid[:, place], (gap, failed), strict=True):
            _uncertified(axes, certified)
            _panel(axes, values.sel(held), name)
        title = ", ".join(SHORT[key].format(value) for key, value in held.items())
        style.tidy(grid[0, place], title)
        style.tidy(grid[1, place], "")
        grid[1, place].set_xlabel(style.axis_label(data[name]))
    grid[0, 0].set_yscale("log")
    grid[0, 0].set_ylim(FLOOR / 2, 2)
    grid[0, 0].set_ylabel("loss above the optimum\n(share of explained energy)")
    grid[1, 0].set_ylim(-0.05, 1.05)
    grid[1, 0].set_ylabel(f"share of starts\nabove {FAILED:g}")
    _legend(figure, grid[0, 0], data, spec)
    return figure


def _panel(axes: Axes, values: xr.DataArray, name: str) -> None:
    place = np.arange(values.sizes[name])
    for solver, line in zip(values["solver"].to_numpy(), style.LINES, strict=False):
        part = values.sel(solver=solver).transpose(name, "repeat")
        style.mean_line(axes, place, part, "repeat", line, str(solver))
    axes.set_xticks(place, [f"{value:g}" for value in values[name].to_numpy()])
    axes.set_xlim(-0.5, len(place) - 0.5)
    axes.tick_params(labelleft=True)


def _uncertified(axes: Axes, certified: xr.DataArray) -> None:
    for place, sure in enumerate(certified.to_numpy()):
        if not sure:
            axes.axvspan(place - 0.4, place + 0.4, color="0.9", lw=0, zorder=0)


def _legend(figure: Figure, axes: Axes, data: xr.Dataset, spec: dict[str, Any]) -> None:
    style.legend_above(
        figure,
        axes,
        title=f"k = {spec['tasks']}, d = {spec['dimension']}, m = {spec['samples']}; "
        f"mean ± one standard error over {data.sizes['repeat']} draws of "
        f"{data.sizes['start']} starts\n"
        f"gaps below {FLOOR:g} are drawn there; gray: not certified, gap to the best "
        "known loss",
    )
