"""Groups of tasks to train together: which tasks are in which, and which serve."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures import style

# More tasks than this have no numbers.
NUMBERS = 16


def groups(data: xr.Dataset) -> Figure:
    """Draw one row a group and one column a task.

    A cell is filled where the task is trained in the group, and framed where the group
    serves it; then its score is written, for up to 16 tasks.

    Args:
        data: `member`, `score` (group, task) and `serving` (task), with attributes
            `value` and `optimal`.
    """
    member, score = data["member"].to_numpy(), data["score"].to_numpy()
    count, k = member.shape
    width = min(style.PAGE[0] * 1.5, 2.5 + 0.55 * k)
    figure = Figure(figsize=(width, 1.9 + 0.4 * count), layout="constrained")
    axes = figure.subplots()
    axes.imshow(member, cmap="Greys", vmin=0, vmax=4, aspect="auto")
    for task, group in enumerate(data["serving"].to_numpy()):
        corner = (task - 0.46, group - 0.46)
        axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, linewidth=1.2))
        if k <= NUMBERS:
            axes.text(
                *(task, group, f"{score[group, task]:.3g}"),
                **{"ha": "center", "va": "center", "fontsize": style.SMALL},
            )
    names = [style.drawable(str(name)) for name in data["task"].to_numpy()]
    axes.set_xticks(np.arange(k), names, rotation=90, parse_math=False)
    axes.set_yticks(np.arange(count), [str(i + 1) for i in range(count)])
    axes.set_ylabel("group", fontsize=style.TEXT)
    best = "best possible" if data.attrs["optimal"] else "not shown to be the best"
    shown = ", with its score" if k <= NUMBERS else ""
    style.tidy(
        axes,
        f"grey: trained in the group\nframed: served by it{shown}\n"
        f"value {float(data.attrs['value']):.4g}, {best}",
    )
    return figure
