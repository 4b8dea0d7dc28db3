"""W-P1r: training loss and risk of ReLU tasks against the width of the module."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures import style

PANELS = {"training": "training loss a row", "risk": "excess risk"}


def relu_capacity(data: xr.Dataset) -> Figure:
    """Draw joint training and training alone at every width, a row a level of noise.

    Left: training loss, right: population risk above the noise; means over tasks, with
    one standard error over draws. The gray line is a task alone with one unit, which is
    its capacity: Prop 1 says that from `r = k` on the joint optimum is there.

    Args:
        data: `training`, `risk`, `training_alone`, `risk_alone` (noise, width, task,
            repeat), and the spec as an attribute.
    """
    noises = data["noise"].to_numpy()
    width, height = style.PAGE
    figure = Figure(
        figsize=(width, 0.85 * height * len(noises) + 0.4), layout="constrained"
    )
    grid = figure.subplots(len(noises), len(PANELS), squeeze=False, sharex=True)
    for row, noise in zip(grid, noises, strict=True):
        for axes, (name, what) in zip(row, PANELS.items(), strict=True):
            _panel(axes, data.sel(noise=noise), name)
            axes.set_ylabel(f"{what}\n({data[name].attrs['units']})")
            style.tidy(axes, f"σ = {noise:g}")
    for axes in grid[-1]:
        axes.set_xlabel(style.axis_label(data["width"]))
    spec = style.spec(data)
    style.legend_above(
        figure,
        grid[0, 0],
        title=f"k = {spec['tasks']} teachers near {spec['directions']} directions "
        f"(τ = {spec['deviation']:g}), d = {spec['dimension']}, m = {spec['samples']}; "
        f"mean ± one standard error, {data.sizes['repeat']} draws",
    )
    return figure


def _panel(axes: Axes, data: xr.Dataset, name: str) -> None:
    place = data["width"]
    style.mark_tasks(axes, data.sizes["task"], 0.9)
    joint, alone = (data[key].mean("task") for key in (name, f"{name}_alone"))
    axes.axhline(
        float(alone.sel(width=1).mean("repeat")),
        **{"color": "0.6", "linewidth": 4, "zorder": 1, "label": "alone, one unit"},
    )
    style.mean_line(axes, place, joint, "repeat", style.LINES[0], "joint, width r")
    style.mean_line(axes, place, alone, "repeat", style.LINES[1], "alone, width r")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # Room for a line at zero.
    axes.set_ylim(bottom=-0.04 * axes.get_ylim()[1])
