"""How many rows of the source it takes, and how many Theorem 2 asks for."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures import style

# What is drawn of both positions, and of the aligned one alone.
TURN, PRINTED = "turn", "as printed"
STATED = {"color": "0.35", "linewidth": 1.2, "linestyle": (0, (6, 2))}
MARK = {"color": "0.35", "markersize": 4, "linestyle": "none"}
SAID = {
    TURN: "κ(X_2) sin(B*, θ_1) ≤ c",
    PRINTED: "Theorem 2's conclusion",
}
SHORT = {
    "c": "c",
    "condition_target": "κ(X_2)",
    "condition_source": "κ(Σ_1)",
    "noise": "σ_1",
    "dimension": "d",
}


def theorem_2_threshold(data: xr.Dataset) -> Figure:
    """Draw brackets of the threshold of `m_1` over five quantities, and exponents.

    Bars are brackets, lines fitted power laws, the dashed one what the theorem asks
    for with the constant 1. A full triangle: the conclusion holds from the least size
    tried, `m_1 = d`, on; a star: at none up to the largest.

    Args:
        data: `low`, `high`, `inside` (position, conclusion, axis, point), `asked`,
            `value` (axis, point), `exponent` with its ends (position, conclusion,
            axis), `stated` (axis), and the spec as an attribute.
    """
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.75 * height), layout="constrained")
    grid = figure.subplots(2, 3)
    kinds = [
        (str(position), conclusion)
        for conclusion in (TURN, PRINTED)
        for position in data["position"].to_numpy()
    ]
    for axes, name in zip(grid.ravel(), data["axis"].to_numpy(), strict=False):
        here = data.sel(axis=name)
        axes.plot(here["value"], here["asked"], **STATED)
        for place, (position, conclusion) in enumerate(kinds):
            some = here.sel(position=position, conclusion=conclusion)
            _brackets(axes, some, style.LINES[place], 1 + 0.05 * place)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_xticks(here["value"], [f"{v:g}" for v in here["value"].to_numpy()])
        axes.set_xlabel(str(here["name"].item()))
        style.tidy(axes, "")
    for row in grid[:, 0]:
        row.set_ylabel("rows of the source m_1")
    _exponents(grid[1, 2], data, kinds)
    reached = bool(np.isfinite(data["high"]).all())
    _legend(figure, kinds, style.spec(data), reached)
    return figure


def _legend(
    figure: Figure, kinds: list[tuple[str, str]], spec: dict, reached: bool
) -> None:
    """What is measured, what is asked for, and the marks."""
    lines = [Line2D([], [], label=f"{SAID[what]}, {where}") for where, what in kinds]
    for drawn, line in zip(lines, style.LINES, strict=False):
        drawn.set(**line._asdict(), markersize=4, markerfacecolor="white", linewidth=1)
    lines += [
        Line2D([], [], **STATED, label="Theorem 2 asks for, with the constant 1"),
        Line2D([], [], **MARK, marker="v", label="holds from m_1 = d on"),
    ]
    if not reached:
        lines += [Line2D([], [], **MARK, marker="*", label="not reached")]
    figure.legend(
        handles=lines,
        loc="outside upper center",
        ncols=2,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=3.5,
        title=_title(spec),
        title_fontsize=style.SMALL,
    )


def _title(spec: dict) -> str:
    c, target, source, noise, d = spec["base"]
    return (
        f"smallest m_1 at which the conclusion fails with probability "
        f"{spec['failure']:g} at most; where they do not vary\n"
        f"c = {c:g}, κ(X_2) = {target:g}, κ(Σ_1) = {source:g}, σ_1 = {noise:g} of "
        f"the signal, d = {d:g}"
    )


def _brackets(axes: Axes, some: xr.Dataset, line: style.Line, aside: float) -> None:
    """Brackets with their fit; marks, some way aside, where there is none."""
    x, low, high = (some[name].to_numpy() for name in ("value", "low", "high"))
    inside = some["inside"].to_numpy()
    middle = np.sqrt(low[inside] * high[inside])
    axes.errorbar(
        x[inside],
        middle,
        yerr=[middle - low[inside], high[inside] - middle],
        color=line.color,
        marker=line.marker,
        markersize=4,
        markerfacecolor="white",
        linestyle="none",
        capsize=2,
    )
    slope = float(some["exponent"])
    if np.isfinite(slope):
        start = np.log(middle).mean() - slope * np.log(x[inside]).mean()
        axes.plot(
            x[inside],
            np.exp(start + slope * np.log(x[inside])),
            color=line.color,
            linestyle=line.linestyle,
            linewidth=1,
        )
    for at, value in zip(x[~inside], _ends(low, high)[~inside], strict=True):
        axes.plot(
            [aside * at],
            [abs(value)],
            color=line.color,
            marker="*" if value < 0 else "v",
            markersize=4,
            linestyle="none",
        )


def _ends(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where a mark goes: the upper end, or minus the lower one if not reached."""
    return np.where(np.isfinite(high), high, -low)


def _exponents(axes: Axes, data: xr.Dataset, kinds: list[tuple[str, str]]) -> None:
    names = [str(name) for name in data["axis"].to_numpy()]
    rows = np.arange(len(names))[::-1]
    axes.axvline(0, **style.REFERENCE)
    axes.plot(
        data["stated"],
        rows,
        color="0.35",
        marker="x",
        markersize=7,
        linestyle="none",
    )
    for place, ((position, conclusion), line) in enumerate(
        zip(kinds, style.LINES, strict=False)
    ):
        some = data.sel(position=position, conclusion=conclusion)
        value = some["exponent"].to_numpy()
        fitted = np.isfinite(value)
        if not fitted.any():
            continue
        ends = np.abs([some["exponent_low"] - value, some["exponent_high"] - value])
        axes.errorbar(
            value[fitted],
            rows[fitted] + 0.15 * (0.5 - place),
            xerr=ends[:, fitted],
            color=line.color,
            marker=line.marker,
            markersize=4,
            markerfacecolor="white",
            linestyle="none",
            capsize=2,
        )
    axes.set_yticks(rows, [SHORT.get(name, name) for name in names])
    axes.set_xlabel("exponent of m_1 (x: stated)")
    style.tidy(axes, "fitted exponents, 95 %")
