"""What a source is worth, against how alike the covariances are (W-E5)."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

SCORES = {
    "similarity_normalised": "normalised similarity score",
    "similarity": "similarity score (eq 5)",
}


def similarity(data: xr.Dataset) -> Figure:
    """Draw the target's relative gain against both scores of the drawn tasks.

    A column is a number of source samples, a row a score. Points are means over draws
    of score and gain at one place on a path; the band is one standard error of the
    gain. Both paths begin at equal covariances, on the right, and have a common end.

    Args:
        data: `relative_gain`, `similarity`, `similarity_normalised` (path, turn,
            samples_source, repeat), and the spec as an attribute.
    """
    samples = np.asarray(data["samples_source"])
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.8 * height), layout="constrained")
    grid = figure.subplots(len(SCORES), len(samples), squeeze=False, sharey=True)
    for row, score in zip(grid, SCORES, strict=True):
        for axes, count in zip(row, samples, strict=True):
            _panel(axes, data.sel(samples_source=count), score)
            style.tidy(axes, f"{count} source samples; {_setting(data)}")
        row[0].set_ylabel("relative gain of the target")
    style.legend_above(
        figure,
        grid[0, 0],
        title="how the source's covariance leaves the target's; "
        f"mean ± one standard error, {data.sizes['repeat']} draws",
    )
    return figure


def _panel(axes: Axes, data: xr.Dataset, score: str) -> None:
    axes.axhline(0, **style.REFERENCE)
    for path, line in zip(np.asarray(data["path"]), style.LINES, strict=False):
        part = data.sel(path=path)
        place = part[score].mean("repeat")
        gain = part["relative_gain"]
        style.mean_line(axes, place, gain, "repeat", line, str(path))
    axes.set_xlabel(SCORES[score])
    axes.set_xlim(left=0)
    axes.tick_params(labelleft=True)
    axes.margins(x=0.03)


def _setting(data: xr.Dataset) -> str:
    spec = style.spec(data)
    return f"d = {spec['dimension']}, target {spec['samples_target']}"
