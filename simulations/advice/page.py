"""The answer as one HTML page that needs no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from simulations.advice.sentences import (
    class_scores,
    explanation,
    joined,
    percent,
    sentences,
)

# Pixels: a cell with its number, one without, and the corner that names take.
SIDE, SMALL, CORNER = 46, 12, 130
# More tasks than this have cells without numbers, and no network.
NUMBERS, NETWORK = 16, 40
LETTERS = 18
COLOURS = ("#5e3c99", "#e66101", "#1b7837", "#2166ac", "#b2182b", "#8c510a", "#c51b7d")
GREY, LONE = "#dddddd", "#999999"


def page(data: xr.Dataset) -> str:
    """Return the page: gains, groups, width and notes on the data.

    Names of tasks and columns stay text, whatever they hold, and a policy in the page
    forbids scripts and anything from elsewhere.

    Args:
        data: What `advise` returns.
    """
    folder = FileSystemLoader(Path(__file__).parent)
    jinja = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
    kept = np.flatnonzero(data["withheld"].to_numpy() == "")
    groups = data["group"].to_numpy()[kept]
    part = data.isel(source=kept, target=kept)
    order = np.argsort(groups, kind="stable")
    part = part.isel(source=order, target=order)
    return jinja.get_template("page.html").render(
        label=data.attrs["label"],
        inputs=joined([str(name) for name in data.attrs["inputs"]], 12),
        count=data.sizes["target"],
        method=data.attrs["method"],
        noticed=data.attrs["noticed"],
        notes=data.attrs["notes"],
        sentences=sentences(data),
        scores=class_scores(data),
        level=f"{100 * float(data.attrs['confidence']):g} %",
        matrix=_matrix(part),
        network=_network(part) if len(kept) <= NETWORK else None,
        targets=_targets(data),
        covers="; ".join(joined(group, 12) for group in data.attrs["covers"]),
        curve=_curve(data) if data.sizes["width"] else None,
        explanation=explanation(data),
    )


def _names(data: xr.Dataset) -> list[str]:
    return [str(name) for name in data["target"].to_numpy()]


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"


def _bounds(data: xr.Dataset, source: int, target: int) -> tuple[float, float, float]:
    middle, low, high = (
        100 * float(data[key].to_numpy()[source, target])
        for key in ("gain", "gain_low", "gain_high")
    )
    return middle, low, high


def _told(bounds: Sequence[float]) -> str:
    if np.isnan(bounds[0]):
        return "withheld"
    if np.isnan(bounds[1]):
        return f"{percent(bounds[0])} (no interval)"
    return f"{percent(bounds[0])} [{percent(bounds[1])}, {percent(bounds[2])}]"


def _matrix(data: xr.Dataset) -> dict[str, Any]:
    names = _names(data)
    side = SIDE if len(names) <= NUMBERS else SMALL
    gain = 100 * data["gain"].to_numpy()
    top = min(100.0, max(1.0, float(np.nanquantile(np.abs(gain), 0.9))))
    cells = [
        _cell(data, i, j, top, side)
        for i in range(len(names))
        for j in range(len(names))
        if i != j
    ]
    middles = [CORNER + side * (i + 0.5) for i in range(len(names))]
    return {
        "cells": cells,
        "side": side,
        "left": CORNER,
        "top": CORNER,
        "width": 2 * CORNER + side * len(names),
        "height": CORNER + side * len(names) + 8,
        "names": [
            {"name": name, "short": _short(name), "middle": at, "across": at}
            for name, at in zip(names, middles, strict=True)
        ],
    }


def _cell(
    data: xr.Dataset, source: int, target: int, top: float, side: int
) -> dict[str, Any]:
    names, bounds = _names(data), _bounds(data, source, target)
    share = float(np.clip(np.nan_to_num(bounds[0]) / top, -1, 1))
    return {
        "x": CORNER + side * target,
        "y": CORNER + side * source,
        "fill": GREY if np.isnan(bounds[0]) else _colour(share),
        "text": percent(bounds[0]) if side == SIDE and not np.isnan(bounds[0]) else "",
        "light": abs(share) > 0.6,
        "sure": bounds[1] > 0 or bounds[2] < 0,
        "title": f"{names[source]} to {names[target]}: {_told(bounds)}",
    }


def _colour(share: float) -> str:
    """From orange at −1 over white to violet at 1."""
    end = np.array([0x5E, 0x3C, 0x99] if share > 0 else [0xE6, 0x61, 0x01])
    mixed = 255 + (end - 255) * abs(share)
    return "#" + "".join(f"{round(value):02x}" for value in mixed)


def _network(data: xr.Dataset) -> dict[str, Any]:
    names, groups = _names(data), data["group"].to_numpy()
    k = len(names)
    radius = max(110.0, 14.0 * k)
    centre = radius + 170
    turn = 2 * np.pi * np.arange(k) / k - np.pi / 2
    x, y = centre + radius * np.cos(turn), centre + radius * np.sin(turn)
    values, sizes = np.unique(groups, return_counts=True)
    many = {g: COLOURS[n % len(COLOURS)] for n, g in enumerate(values[sizes > 1])}
    lines = []
    for i in range(k):
        for j in range(k):
            bounds = _bounds(data, i, j)
            if i != j and bounds[1] > 0:
                # Ends stay clear of the circles.
                away = np.array([x[j] - x[i], y[j] - y[i]])
                away *= 9 / np.hypot(*away)
                lines.append({
                    "x1": round(x[i] + away[0], 1), "y1": round(y[i] + away[1], 1),
                    "x2": round(x[j] - away[0], 1), "y2": round(y[j] - away[1], 1),
                    "width": round(1 + min(bounds[0], 100) / 25, 2),
                    "title": f"{names[i]} to {names[j]}: {_told(bounds)}",
                })  # fmt: skip
    nodes = [
        {
            "x": round(x[i], 1), "y": round(y[i], 1), "name": name,
            "short": _short(name), "fill": many.get(groups[i], LONE),
            "tx": round(x[i] + 12 * np.cos(turn[i]), 1),
            "ty": round(y[i] + 14 * np.sin(turn[i]) + 4, 1),
            "anchor": "start" if np.cos(turn[i]) > 0.1
            else "end" if np.cos(turn[i]) < -0.1 else "middle",
        }
        for i, name in enumerate(names)
    ]  # fmt: skip
    return {"size": round(2 * centre), "lines": lines, "nodes": nodes}


def _targets(data: xr.Dataset) -> list[dict[str, str]]:
    groups = data["group"].to_numpy()
    values, sizes = np.unique(groups[groups >= 0], return_counts=True)
    numbers = {group: str(n) for n, group in enumerate(values[sizes > 1], start=1)}
    found = []
    errors = data["error_alone"].to_numpy()
    for at, name in enumerate(_names(data)):
        bounds = [
            100 * float(data[f"best_{key}"].to_numpy()[at])
            for key in ("gain", "low", "high")
        ]
        known = np.isfinite(bounds[0])
        found.append({
            "name": name,
            "rows": str(int(data["rows"].to_numpy()[at])),
            "group": numbers.get(groups[at], "–"),
            "error": f"{errors[at]:.3g}" if known else "–",
            "best": str(data["best_source"].to_numpy()[at]),
            "gain": _told(bounds) if known else "–",
            "withheld": str(data["withheld"].to_numpy()[at]),
        })  # fmt: skip
    return found


def _curve(data: xr.Dataset) -> dict[str, Any]:
    error = data["width_error"].mean("fold").to_numpy()
    apart = float(data["error_apart"].mean("fold"))
    low, high = min(*error, apart), max(*error, apart)
    span = high - low if high > low else 1.0
    left, right, top, bottom = 40.0, 440.0, 30.0, 150.0

    def height(value: float) -> float:
        return round(bottom - (bottom - top) * (value - low) / span, 1)

    widths = data["width"].to_numpy()
    at = np.linspace(left + 20, right - 20, len(widths)) if len(widths) > 1 else [240.0]
    chosen = int(data.attrs["suggested_width"])
    dots = [
        {"x": round(float(x), 1), "y": height(e), "name": f"r = {w}",
         "chosen": int(w) == chosen, "title": f"r = {w}: {e:.3g}"}
        for x, e, w in zip(at, error, widths, strict=True)
    ]  # fmt: skip
    return {
        "width": 480, "height": 190, "left": left, "right": right, "dots": dots,
        "points": " ".join(f"{dot['x']},{dot['y']}" for dot in dots),
        "apart": height(apart), "apart_text": f"{apart:.3g}",
        "said": f"r = {chosen} is suggested" if chosen
        else "no width below that of single tasks is suggested",
    }  # fmt: skip
