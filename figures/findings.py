"""The default figure of a claim: its intervals, where they flip, and its controls."""

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style

# More rows than these are not read; the ledger has all of them.
ROWS, CONTROLS = 14, 10
ROW = 0.34  # inches
WIDTH = 58  # characters of a label's line
COLOUR = {"ours": "#0072B2", "flips": "#D55E00"}


def read(path: Path) -> dict[str, xr.Dataset]:
    """Read the findings of a run, one Dataset per claim.

    Raises:
        ValueError: The file holds none; the message names it.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return {one["claim"]: dataset(one) for one in plain["findings"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no findings: {error!r}") from error


def dataset(finding: dict[str, Any]) -> xr.Dataset:
    """Measurements and controls of one finding.

    `value`, `low`, `high`, `flips_at` and `n` (measurement); `noticed` (control), the
    share of instances.
    """
    measured, controls = finding["measurements"], finding["controls"]
    decides = (finding["deciding"] or {}).get("quantity")
    flips = (finding["deciding"] or {}).get("flips_at")
    columns = {
        name: ("measurement", np.array([_number(one[name]) for one in measured]))
        for name in ("value", "low", "high", "n")
    }
    at = [_number(flips if one["quantity"] == decides else None) for one in measured]
    noticed = [one["noticed"] / max(one["instances"], 1) for one in controls]
    return xr.Dataset(
        {
            **columns,
            "flips_at": ("measurement", np.array(at)),
            "noticed": ("control", np.array(noticed, float)),
        },
        coords={
            "measurement": [one["quantity"] for one in measured],
            "control": [one["dropped"] for one in controls],
        },
        attrs={
            name: finding[name] for name in ("claim", "title", "verdict", "headline")
        },
    )


def drawable(data: xr.Dataset) -> bool:
    """Whether there is an interval or a control to draw."""
    return bool(_with_interval(data).any()) or data.sizes["control"] > 0


def intervals(data: xr.Dataset) -> Figure:
    """Draw each measurement that has an interval on a scale of its own.

    A vertical line is at zero, a dashed one where the verdict would flip. Below are the
    controls: the share of instances without a hypothesis that the check noticed.

    Raises:
        ValueError: No measurement has an interval, and there is no control.
    """
    shown = data.isel(measurement=_with_interval(data))
    rows, controls = shown.sizes["measurement"], data.sizes["control"]
    if not drawable(data):
        raise ValueError(f"{data.attrs['claim']}: nothing with an interval to draw")
    drawn, kept = min(rows, ROWS), min(controls, CONTROLS)
    lines = [len(textwrap.wrap(f"without {n}", WIDTH)) for n in data["control"].values]
    below = [1.4 + 0.6 * kept * max(lines[:kept])] if kept else []
    heights = [1.0] * drawn + below
    size = (style.PAGE[0], 1.1 + ROW * sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(
        f"{data.attrs['claim']}: {data.attrs['title']} — {data.attrs['verdict']}\n"
        + textwrap.fill(data.attrs["headline"], 100),
        fontsize=style.TEXT,
        x=0.01,
        ha="left",
    )
    axes = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    for row, axis in zip(range(drawn), axes, strict=False):
        _interval(axis, shown.isel(measurement=row))
    if kept:
        _controls(axes[-1], data.isel(control=slice(kept)), controls - kept)
    if rows > drawn:
        figure.supxlabel(
            f"{rows - drawn} more measurements are in the ledger", fontsize=style.SMALL
        )
    return figure


def _with_interval(data: xr.Dataset) -> np.ndarray:
    return np.isfinite(data["low"].values) & np.isfinite(data["high"].values)


def _interval(axis: Axes, one: xr.Dataset) -> None:
    value, low, high, flips = (
        float(one[n]) for n in ("value", "low", "high", "flips_at")
    )
    axis.errorbar(
        value, 0, xerr=[[value - low], [high - value]], fmt="o", ms=4, capsize=3,
        color=COLOUR["ours"],
    )  # fmt: skip
    axis.axvline(0, **style.REFERENCE)
    places = [low, high, 0.0]
    if np.isfinite(flips):
        axis.axvline(flips, color=COLOUR["flips"], linestyle=(0, (5, 2)), linewidth=1.2)
        places.append(flips)
    room = 0.06 * (max(places) - min(places) or 1.0)
    axis.set_xlim(min(places) - room, max(places) + room)
    axis.set_yticks([0], [textwrap.fill(str(one["measurement"].item()), WIDTH)])
    axis.set_ylim(-1, 1)
    axis.tick_params(labelsize=style.SMALL - 1, length=2)
    axis.locator_params(axis="x", nbins=5)
    said = f"{value:.3g} [{low:.3g}, {high:.3g}], n = {int(one['n'])}"
    axis.text(1.01, 0.5, said, transform=axis.transAxes, va="center",
              fontsize=style.SMALL - 1)  # fmt: skip
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _controls(axis: Axes, data: xr.Dataset, more: int) -> None:
    names = [textwrap.fill(f"without {name}", WIDTH) for name in data["control"].values]
    place = np.arange(len(names))[::-1]
    axis.barh(place, data["noticed"].values, height=0.5, color="0.6")
    axis.axvline(0.5, color=COLOUR["flips"], linestyle=(0, (5, 2)), linewidth=1.2)
    axis.set_yticks(place, names)
    axis.set_xlim(0, 1)
    also = f" ({more} more in the ledger)" if more else ""
    style.tidy(axis, "")
    axis.tick_params(labelsize=style.SMALL - 1)
    axis.set_xlabel(
        f"share of instances noticed by the check; half are needed{also}",
        fontsize=style.SMALL,
    )


def _number(value: float | int | str | None) -> float:
    return float("nan") if value is None else float(value)
