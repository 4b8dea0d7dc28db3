"""Where sharing pays: maps over source size and shift or spectrum, with crossings."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from scipy.ndimage import distance_transform_edt

from figures import style

# Relative gain. Lightness grows with it, so that the map reads without colour.
LEVELS = (-1.0, -0.2, 0.0, 0.2, 1.0)
COLOURS = ("#8c510a", "#d8b365", "#c7eae5", "#f5fafa")


def risk_map(data: xr.Dataset) -> Figure:
    """Draw the relative gain in four steps, and the crossings as black dots over it.

    Panels: shift against size for each kind of covariances, and condition against size.
    Dashed, for equal covariances: the shifts between the phases.

    Args:
        data: `gain_shift` (covariances, shift_variance, size), `crossing_shift`
            (covariances, shift_variance, crossing), `gain_condition` (condition, size),
            `crossing_condition` (condition, crossing), `border` (phase), and the spec.
    """
    spec = style.spec(data)
    kinds = [str(kind) for kind in data["covariances"].to_numpy()]
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.1 * height), layout="constrained")
    panels = figure.subplots(1, len(kinds) + 1)
    for axes, kind in zip(panels, kinds, strict=False):
        part = data.sel(covariances=kind)
        _map(axes, part["gain_shift"], part["crossing_shift"])
        style.log_y(axes)
        style.tidy(axes, kind)
    _borders(panels[0], data["border"])
    panels[1].set_title(
        f"{kinds[1]}, ratio {spec['condition']:g}", loc="left", fontsize=style.TEXT
    )
    panels[1].set_ylabel("")
    panels[1].tick_params(labelleft=False)
    shades = _map(panels[-1], data["gain_condition"], data["crossing_condition"])
    style.tidy(panels[-1], f"own covariance, μ² = {spec['shift_variance']:g}")
    bar = figure.colorbar(shades, ax=list(panels), location="top", aspect=50, pad=0.02)
    bar.set_label(
        f"p = {spec['dimension']}, n₂ = {spec['samples_target']}, "
        f"σ² = {spec['noise_variance']:g}; black: sharing starts or stops to pay\n"
        "relative gain, (risk alone − shared)/(risk alone + shared)",
        fontsize=style.TEXT,
    )
    bar.ax.tick_params(labelsize=style.SMALL)
    return figure


def _borders(axes: Axes, border: xr.DataArray) -> None:
    """The shifts up to which sharing of equal covariances always or ever pays."""
    for phase, place in zip(border["phase"].to_numpy(), border.to_numpy(), strict=True):
        axes.axhline(place, color="black", linewidth=0.8, linestyle=(0, (5, 3)))
        axes.annotate(
            str(phase),
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=style.SMALL,
        )


def _map(axes: Axes, gain: xr.DataArray, crossing: xr.DataArray) -> QuadMesh:
    name = str(gain.dims[0])
    x, y = gain["size"].to_numpy(), gain[name].to_numpy()
    shades = axes.pcolormesh(
        x,
        y,
        gain.to_numpy(),
        cmap=ListedColormap(list(COLOURS)),
        norm=BoundaryNorm(LEVELS, len(COLOURS)),
        shading="nearest",
        rasterized=True,
    )
    # Between rows a flat curve would leave gaps between the dots.
    axes.contour(x, y, gain.to_numpy(), levels=[0.0], colors="k", linewidths=0.8)
    for column in crossing.to_numpy().T:
        axes.plot(column, y, linestyle="none", marker=".", markersize=1.5, color="k")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_xlabel(style.axis_label(gain["size"]))
    axes.set_ylabel(style.axis_label(gain[name]))
    _phases(axes, gain)
    return shades


def _phases(axes: Axes, gain: xr.DataArray) -> None:
    """Write into the widest part of each sign what it is."""
    for sign, text in ((1, "pays"), (-1, "hurts")):
        inside = np.pad(np.sign(gain.to_numpy()) == sign, 1)
        depth = np.asarray(distance_transform_edt(inside))[1:-1, 1:-1]
        row, column = np.unravel_index(np.argmax(depth), depth.shape)
        if depth[row, column] > 0.04 * max(gain.shape):
            axes.text(
                float(gain["size"][column]),
                float(gain[gain.dims[0]][row]),
                text,
                ha="center",
                va="center",
                fontsize=style.TEXT,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
