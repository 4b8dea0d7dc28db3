"""What was measured on the thousand images and put on record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from paper_checks.images.problems import Study
from paper_checks.judge.measurement import Measurement, extreme, mean_with_interval
from simulations.files import write_json

RECORD = Path(__file__).parents[1] / "records" / "images.json"
READINGS = ("printed", "standardised")


def recorded(path: Path = RECORD) -> Mapping[str, Any]:
    """Summaries on record, by study and network; empty if there is no record.

    Raises:
        ValueError: The file is not JSON.
    """
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def record(found: Mapping[str, Any], path: Path = RECORD) -> None:
    """Put summaries on record, beside those of other studies and networks."""
    write_json(path, {**recorded(path), **found}, indent=1)


def measurements(
    study: Study, readings: tuple[str, ...] = READINGS, path: Path = RECORD
) -> tuple[Measurement, ...]:
    """Gains of the mean AUC on record, by model and reading, in points.

    All of a record are on one cut of the images, so that intervals are over starts, or
    over pairs, and not over images.
    """
    entries = [one for one in recorded(path).values() if one["study"] == study]
    values: dict[str, list[float]] = {}
    for entry in entries:
        for model, gains in entry["models"].items():
            for name in readings:
                said = f"recorded, 1,000 images, {study}, {model}, {name} (points)"
                # Studies of two networks share the other models: the most starts count.
                values[said] = max(values.get(said, []), gains[name], key=len)
    over = "starts" if study == "clean" else "pairs that share tasks"
    return tuple(_measured(said, gains, over) for said, gains in values.items())


def in_words(found: Sequence[Measurement]) -> str:
    """The range of gains on record, as a sentence."""
    if not found:
        return "Nothing is on record of 1,000 X-rays"
    gains = [one.value for one in found]
    return (
        f"On record, 1,000 X-rays gain from {min(gains):+.2f} to {max(gains):+.2f} "
        "points of AUC"
    )


def _measured(quantity: str, values: list[float], over: str) -> Measurement:
    if np.ptp(values) == 0:
        return extreme(quantity, values)
    found = mean_with_interval(quantity, values)
    return replace(found, interval=f"{found.interval}, over {over}")
