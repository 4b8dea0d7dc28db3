"""The whole answer as plain values, for `advise --json`."""

from typing import Any

import numpy as np
import xarray as xr

from simulations.advice.sentences import sentences
from simulations.files import no_nan

# Attributes that are part of the answer; the others are provenance.
SAID = (
    "label",
    "inputs",
    "method",
    "confidence",
    "suggested_width",
    "notes",
    "noticed",
)


def as_json(data: xr.Dataset) -> dict[str, Any]:
    """Return every number of the answer, by task, by pair and by width.

    NaN, which JSON does not have, is null: a number that is withheld.

    Args:
        data: What `advise` returns.
    """
    names = [str(name) for name in data["target"].to_numpy()]
    pairs = _of(data, ("source", "target"))
    widths = _of(data, ("target", "width")) | _of(data, ("width", "fold"))
    plain = {name: data.attrs[name] for name in SAID} | {
        "sentences": sentences(data),
        "tasks": [
            {"task": name} | {key: values[i] for key, values in _targets(data).items()}
            for i, name in enumerate(names)
        ],
        "pairs": [
            {"source": source, "target": target}
            | {key: values[i, j] for key, values in pairs.items()}
            for i, source in enumerate(names)
            for j, target in enumerate(names)
            if i != j
        ],
        "covers": data.attrs["covers"],
        "widths": [int(width) for width in data["width"].to_numpy()],
        "by_width": {key: values.tolist() for key, values in widths.items()},
        "error_apart_by_fold": data["error_apart"].to_numpy().tolist(),
    }
    return no_nan(plain, infinity_as_text=True)


def _targets(data: xr.Dataset) -> dict[str, np.ndarray]:
    return _of(data, ("target",))


def _of(data: xr.Dataset, axes: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {
        str(name): data[name].to_numpy()
        for name in data.data_vars
        if data[name].dims == axes
    }
