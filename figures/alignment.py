"""W-A1: what Algorithm 1 is worth, against how far the source is turned away."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from figures import style

# Title of a row, by what is turned.
ROWS = {
    "task": "inputs and parameter turned",
    "covariance": "inputs turned, one parameter",
}
# Title of a column: its lines, by name in the legend.
COLUMNS = {
    "B moving": "B moving",
    "B fixed": "B fixed",
}
CONSTRAINTS = ("free", "ridge", "orthogonal")
OTHERS = {"fine-tuned": "fine-tuned, no R", "turned back": "true R₂ = U"}


def alignment(data: xr.Dataset) -> Figure:
    """Draw the target's relative gain over joint training, against the angle.

    A row is what is turned, a column whether `B` moves. Lines are means over draws,
    bands one standard error. The gray line is training the target alone: only above
    it and above zero does sharing with alignment pay.

    Args:
        data: `gain_over_joint` (arm, misalignment, angle, repeat), and the spec as an
            attribute.
    """
    width, height = style.PAGE
    figure = Figure(figsize=(width, 2.1 * height), layout="constrained")
    grid = figure.subplots(len(ROWS), len(COLUMNS), sharex=True, sharey="row")
    for row, (kind, what) in zip(grid, ROWS.items(), strict=True):
        for axes, (module, place) in zip(row, COLUMNS.items(), strict=True):
            _panel(axes, data["gain_over_joint"].sel(misalignment=kind), module)
            style.tidy(axes, f"{what}; {place}")
            axes.tick_params(labelleft=True)
        row[0].set_ylabel("relative gain over joint training")
    for axes in grid[-1]:
        axes.set_xlabel(style.axis_label(data["angle"]))
    spec = style.spec(data)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=3,
        frameon=False,
        fontsize=style.TEXT,
        handlelength=3.5,
        title=f"d = {spec['dimension']}, rows {spec['samples_target']} + "
        f"{spec['samples_source']}, validation {spec['samples_validation']}, r = "
        f"{spec['width']}; mean ± one standard error, {data.sizes['repeat']} draws",
        title_fontsize=style.TEXT,
    )
    return figure


def _panel(axes: Axes, gain: xr.DataArray, module: str) -> None:
    axes.axhline(0, **style.REFERENCE)
    angle = np.asarray(gain["angle"])
    alone = gain.sel(arm="alone").mean("repeat")
    axes.plot(angle, alone, color="0.6", linewidth=4, label="target alone", zorder=1)
    arms = {f"{name}, {module}": f"{name} R" for name in CONSTRAINTS} | OTHERS
    for (arm, name), line in zip(arms.items(), style.LINES, strict=False):
        style.mean_line(axes, angle, gain.sel(arm=arm), "repeat", line, name)
    axes.xaxis.set_major_locator(FixedLocator([0, 30, 60, 90]))
    axes.set_ylim(-1, 1)
