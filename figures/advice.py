"""Advice on tasks of one's own: similarities, gains, weights and groups."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures import style

# Up to so many tasks numbers are written; up to so many, signs; then only colours.
NUMBERS, SIGNS = 8, 40


def advice(data: xr.Dataset) -> Figure:
    """Draw who helps whom: normalised similarity, gain in per cent, and weights.

    Rows are sources, columns targets, both ordered by group; frames are groups. A gain
    whose interval leaves out 0 is in bold, or for many tasks marked + or −. Tasks on
    which advice is withheld are left out. Characters of names that the font lacks are
    written by their codes.

    Args:
        data: `similarity_normalised`, `gain`, `gain_low`, `gain_high`, `weight`
            (source, target), `group`, `withheld` (target), and the confidence.
    """
    groups = data["group"].to_numpy()
    kept = np.flatnonzero(groups >= 0)
    order = kept[np.argsort(groups[kept], kind="stable")]
    data = data.isel(source=order, target=order)
    width = 1.5 * style.PAGE[0]
    figure = Figure(figsize=(width, 0.42 * width), layout="constrained")
    panels = figure.subplots(1, 3)
    similarity = data["similarity_normalised"].to_numpy()
    _matrix(panels[0], data, similarity, "cividis", Normalize(0, 1), "{:.2f}")
    style.tidy(panels[0], "similarity of covariances\n(eq 5, normalised)")
    gain = 100 * data["gain"].to_numpy()
    top = min(100.0, max(1.0, float(np.quantile(np.abs(gain), 0.9))))
    _matrix(panels[1], data, gain, "PuOr", Normalize(-top, top), "+")
    level = f"{100 * float(data.attrs['confidence']):g} %"
    sure = "bold" if len(order) <= NUMBERS else "+ −"
    style.tidy(
        panels[1],
        f"gain of the target, % of its error\n({sure}: {level} interval without 0)",
    )
    weight = data["weight"].to_numpy()
    top = max(1.0, float(np.quantile(weight, 0.9)))
    _matrix(panels[2], data, weight, "Greys", Normalize(0, top), "{:.2g}")
    style.tidy(panels[2], "suggested weight of the source\n(own rows: 1, dropped: 0)")
    panels[0].set_ylabel("source", fontsize=style.TEXT)
    said = int(data.attrs["suggested_width"])
    width_said = f"r = {said}" if said else "none"
    count = len(np.unique(groups[kept]))
    figure.suptitle(
        f"{len(order)} tasks in {count} groups (frames); suggested width of a shared "
        f"module: {width_said}; {len(groups) - len(kept)} tasks withheld",
        fontsize=style.TEXT,
    )
    return figure


def _matrix(
    axes: Axes,
    data: xr.Dataset,
    values: np.ndarray,
    colours: str,
    norm: Normalize,
    form: str,
) -> None:
    image = axes.imshow(values, cmap=colours, norm=norm)
    names = [str(name) for name in data["target"].to_numpy()]
    if len(names) <= SIGNS:
        shown = [style.drawable(name) for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=90, parse_math=False)
        axes.set_yticks(range(len(names)), shown, parse_math=False)
        if axes.get_subplotspec().colspan.start:  # pyright: ignore[reportOptionalMemberAccess]
            axes.set_yticklabels([])
    axes.set_xlabel("target")
    if len(names) <= NUMBERS:
        _write(axes, data, values, form, image)
    elif len(names) <= SIGNS and "+" in form:
        _sign(axes, data, image)
    _frame(axes, data["group"].to_numpy())
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.7)
    bar.ax.tick_params(labelsize=style.SMALL)


def _write(axes: Axes, data: xr.Dataset, values: np.ndarray, form: str, image) -> None:
    sure = _sure(data) != 0 if "+" in form else np.zeros(values.shape, bool)
    for (row, column), value in np.ndenumerate(values):
        if row == column and "+" in form:
            continue
        axes.text(
            column,
            row,
            _signed(value) if "+" in form else form.format(value),
            ha="center",
            va="center",
            fontsize=style.SMALL,
            weight="bold" if sure[row, column] else "normal",
            color=_readable(image, value),
        )


def _signed(share: float) -> str:
    if abs(share) > 1000:
        return "> 1000" if share > 0 else "< −1000"
    return f"{share:+.0f}" if abs(share) >= 9.95 else f"{share:+.1f}"


def _sign(axes: Axes, data: xr.Dataset, image) -> None:
    gain = 100 * data["gain"].to_numpy()
    for (row, column), sign in np.ndenumerate(_sure(data)):
        if sign and row != column:
            axes.text(
                column,
                row,
                "+" if sign > 0 else "−",
                ha="center",
                va="center",
                fontsize=style.SMALL,
                color=_readable(image, float(gain[row, column])),
            )


def _sure(data: xr.Dataset) -> np.ndarray:
    """+1 or −1 where the interval leaves out 0, else 0."""
    low, high = data["gain_low"].to_numpy(), data["gain_high"].to_numpy()
    return (low > 0).astype(int) - (high < 0).astype(int)


def _readable(image, value: float) -> str:
    red, green, blue = image.to_rgba(value)[:3]
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"


def _frame(axes: Axes, groups: np.ndarray) -> None:
    """A frame around each group; rows are in the order of groups."""
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        if len(members) > 1:
            corner = (members[0] - 0.5, members[0] - 0.5)
            axes.add_patch(
                Rectangle(
                    corner,
                    len(members),
                    len(members),
                    fill=False,
                    edgecolor="#D55E00",
                    linewidth=1.8,
                )
            )
