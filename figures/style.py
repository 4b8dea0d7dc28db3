"""The look that all figures share."""

import json
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike
from xarray import DataArray, Dataset

# Inches: one and two columns of a page of text.
COLUMN = (3.5, 2.8)
PAGE = (7.2, 3.1)
# Points; nothing smaller is legible in print.
TEXT = 9
SMALL = 8
REFERENCE = {"color": "0.35", "linewidth": 0.8, "linestyle": (0, (1, 2))}


class Line(NamedTuple):
    """How one line of several is drawn: each part alone tells it from the others."""

    color: str
    linestyle: str | tuple[int, tuple[int, ...]]
    marker: str


# Okabe & Ito 2008, darkest first: the order is also one of lightness.
LINES = (
    Line("#0072B2", "-", "o"),
    Line("#D55E00", (0, (5, 2)), "s"),
    Line("#009E73", (0, (1, 1)), "^"),
    Line("#CC79A7", (0, (6, 2, 1, 2)), "D"),
    Line("#E69F00", (0, (3, 1, 1, 1)), "v"),
    Line("#56B4E9", (0, (8, 3)), "P"),
)


def spec(data: Dataset) -> dict[str, Any]:
    """Fields of the spec that a study was run with."""
    return json.loads(data.attrs["spec"])


def drawable(text: str) -> str:
    """The text with characters that the font lacks as their codes, such as <U+6E2F>."""
    font = get_font(findfont(FontProperties()))
    return "".join(
        c if font.get_char_index(ord(c)) or c == "\n" else f"<U+{ord(c):04X}>"
        for c in text
    )


def mark_tasks(axes: Axes, count: int, height: float) -> None:
    """Draw a line where the width of the module is the number of tasks, `r = k`."""
    axes.axvline(count, **REFERENCE)
    axes.annotate(
        "r = k",
        (count, height),
        xytext=(3, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=SMALL,
        color="0.35",
    )


def mean_line(
    axes: Axes, x: ArrayLike, values: DataArray, over: str, line: Line, label: str
) -> None:
    """Draw a mean with a band of one standard error over the dimension `over`."""
    mean = values.mean(over).to_numpy()
    error = standard_error(values, over)
    place = np.asarray(x)
    axes.fill_between(
        place, mean - error, mean + error, color=line.color, alpha=0.25, lw=0
    )
    draw_line(axes, place, mean, line, label)


def draw_line(
    axes: Axes, x: ArrayLike, y: ArrayLike, line: Line, label: str | None
) -> None:
    """Draw one line in its colour, dashes and marker."""
    axes.plot(
        np.asarray(x),
        np.asarray(y),
        color=line.color,
        linestyle=line.linestyle,
        marker=line.marker,
        markersize=3.5,
        markerfacecolor="white",
        linewidth=1.3,
        label=label,
    )


def standard_error(values: DataArray, over: str) -> np.ndarray:
    """`s / √n`, with the unbiased variance `s²`; 0 for a single value."""
    count = values.sizes[over]
    spread = values.std(over, ddof=min(1, count - 1)).to_numpy()
    return spread / np.sqrt(count)


def axis_label(variable: DataArray) -> str:
    """`long_name (units)` of a variable's attributes; a pure number has no units."""
    name = variable.attrs.get("long_name", str(variable.name))
    units = variable.attrs.get("units", "1")
    return name if units == "1" else f"{name} ({units})"


def legend_above(figure: Figure, axes: Axes, title: str | None = None) -> None:
    """Name the lines of one panel above all of them, in one row."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=len(labels),
        frameon=False,
        fontsize=TEXT,
        handlelength=3.5,
        title=title,
        title_fontsize=TEXT,
    )


def log_y(axes: Axes) -> None:
    """Make the ordinate logarithmic, plain numbers at 1, 2 and 5 of each decade."""
    axes.set_yscale("log")
    axis = axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def tidy(axes: Axes, title: str) -> None:
    """Small text, no box, a title at the left that says what is seen."""
    axes.set_title(title, loc="left", fontsize=TEXT)
    axes.tick_params(labelsize=SMALL)
    axes.xaxis.label.set_fontsize(TEXT)
    axes.yaxis.label.set_fontsize(TEXT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
