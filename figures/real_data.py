"""Real data: cross-validated error against the width, and how alike the tasks are."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures import style

COLUMNS = 3
PANEL = (style.PAGE[0] / COLUMNS, 2.2)  # inches
SHARED, APART = style.LINES[:2]


def cross_validation(datasets: Sequence[xr.Dataset]) -> Figure:
    """Draw normalised test error against the width, a panel a benchmark.

    Lines are means over tasks and folds. The band is one standard error, over folds,
    of the difference to the tasks trained apart: what the two lines have in common,
    a hard or an easy fold, is no error of their comparison. Folds share training
    rows, so the band is a guide, no interval.

    Args:
        datasets: Each with `cv_error` (width, task, fold), `single_task_error` (task,
            fold), and the name `benchmark`, `tasks`, `inputs` as attributes.

    Raises:
        ValueError: No datasets.
    """
    if not datasets:
        raise ValueError("no cross-validated benchmark to draw")
    columns = min(COLUMNS, len(datasets))
    rows = -(-len(datasets) // columns)
    figure = Figure(
        figsize=(PANEL[0] * columns, PANEL[1] * rows + 0.4), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, data in zip(grid, datasets, strict=False):
        _error_panel(axes, data)
    for axes in grid[len(datasets) :]:
        axes.set_axis_off()
    figure.supxlabel("width r of the shared module", fontsize=style.TEXT)
    figure.supylabel("test error / label variance", fontsize=style.TEXT)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=2,
        frameon=False,
        fontsize=style.SMALL,
    )
    return figure


def similarity(data: xr.Dataset) -> Figure:
    """Draw the covariance similarity of every pair of tasks, printed and normalised.

    Args:
        data: `printed` and `normalised` (task, other), and the name `benchmark`.
    """
    figure = Figure(figsize=style.PAGE, layout="constrained")
    titles = {"printed": "score, eq 5", "normalised": "normalised score"}
    for axes, (name, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        scores = data[name].to_numpy()
        # cividis grows monotonically in lightness, so it survives grey print.
        image = axes.imshow(scores, cmap="cividis", vmin=0, vmax=1)
        axes.set_title(f"{data.attrs['benchmark']}: {title}", fontsize=style.TEXT)
        axes.set_xlabel("task", fontsize=style.SMALL)
        axes.set_ylabel("task", fontsize=style.SMALL)
        axes.tick_params(labelsize=style.SMALL)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        if len(scores) <= 3:
            _write_values(axes, scores)
        figure.colorbar(image, ax=axes, shrink=0.85).ax.tick_params(
            labelsize=style.SMALL
        )
    return figure


def _error_panel(axes: Axes, data: xr.Dataset) -> None:
    width = data.width.to_numpy()
    error = data.cv_error.mean(("task", "fold")).to_numpy()
    apart = float(data.single_task_error.mean())
    gain = (data.cv_error - data.single_task_error).mean("task")
    deviation = style.standard_error(gain, "fold")
    axes.fill_between(
        width,
        error - deviation,
        error + deviation,
        color=SHARED.color,
        alpha=0.25,
        lw=0,
    )
    style.draw_line(axes, width, error, SHARED, "shared module")
    axes.axhline(
        apart,
        color=APART.color,
        ls=APART.linestyle,
        lw=1.3,
        label="tasks trained apart",
    )
    note = f"k = {data.attrs['tasks']}, d = {data.attrs['inputs']}"
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    # In two lines: a long name would run into the next panel's.
    style.tidy(axes, f"{data.attrs['benchmark']}\n{note}")
    if error.max() > 10 * error.min():
        axes.set_yscale("log")
    elif np.any(error < deviation):
        # An error is not negative, whatever its band says.
        axes.set_ylim(bottom=0)


def _write_values(axes: Axes, scores: np.ndarray) -> None:
    for (row, column), score in np.ndenumerate(scores):
        colour = "white" if score < 0.5 else "black"
        axes.text(
            column,
            row,
            f"{score:.3f}",
            ha="center",
            va="center",
            color=colour,
            size=style.SMALL,
        )
