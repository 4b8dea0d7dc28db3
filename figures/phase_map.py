"""Where training one ReLU unit misses the optimum: a map over angle and condition."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style


def phase_map(data: xr.Dataset) -> Figure:
    """Draw the share of starts that miss the optimum, and the number of local minima.

    One panel a solver, and the last for the minima. Means over draws, written in the
    cells, with one standard error over draws below. Draws are shared by all cells.

    Args:
        data: `missed` (angle, condition, solver, threshold, repeat), `minima` (angle,
            condition, repeat), and the spec as an attribute.
    """
    spec = style.spec(data)
    missed = data["missed"].isel(threshold=1)
    columns = 2
    rows = -(-(data.sizes["solver"] + 1) // columns)
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.05 * height * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    top = float(missed.mean("repeat").max())
    for axes, solver in zip(panels, data["solver"].to_numpy(), strict=False):
        _panel(axes, missed.sel(solver=solver), "{:.2f}", top)
        style.tidy(axes, f"{solver}: share of starts that miss")
    minima = data["minima"].astype(float)
    last = panels[data.sizes["solver"]]
    _panel(last, minima, "{:.2f}", float(minima.mean("repeat").max()))
    style.tidy(last, "local minima found by the exact search")
    for axes in panels[data.sizes["solver"] + 1 :]:
        axes.set_axis_off()
    figure.suptitle(_title(data, spec), fontsize=style.TEXT)
    return figure


def _title(data: xr.Dataset, spec: dict[str, Any]) -> str:
    shares = data["missed"].mean("repeat")
    change = float((shares.max("threshold") - shares.min("threshold")).max())
    low, here, high = data["threshold"].to_numpy()
    return (
        f"d = 2, r = 1, m = {spec['samples']}, σ = {spec['noise']:g}; mean ± one "
        f"standard error over {data.sizes['repeat']} draws of {data.sizes['start']} "
        "starts, the same in all cells\n"
        f"a miss: above the optimum by more than {here:g} of the explained energy\n"
        f"(for {low:g} to {high:g} shares differ by {change:.2f} at most)"
    )


def _panel(axes: Axes, values: xr.DataArray, form: str, top: float) -> None:
    values = values.transpose("condition", "angle", "repeat")
    mean = values.mean("repeat").to_numpy()
    error = style.standard_error(values, "repeat")
    top = top if top > 0 else 1
    axes.imshow(mean, cmap="Greys", vmin=0, vmax=top, origin="lower", aspect="auto")
    for (row, column), value in np.ndenumerate(mean):
        axes.text(
            column,
            row,
            f"{form.format(value)}\n±{form.format(error[row, column])}",
            ha="center",
            va="center",
            fontsize=style.SMALL,
            color="white" if value > 0.6 * top else "black",
        )
    for axis, name in ((axes.xaxis, "angle"), (axes.yaxis, "condition")):
        axis.set_ticks(
            range(values.sizes[name]), [f"{v:g}" for v in values[name].to_numpy()]
        )
    axes.set_xlabel(style.axis_label(values["angle"]))
    axes.set_ylabel(style.axis_label(values["condition"]))
