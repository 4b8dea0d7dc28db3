"""Losses of networks for all sets of five Taskonomy tasks, in four settings."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

FOLDER = "taskgrouping"
SOURCE = "github.com/tstandley/taskgrouping, network_selection"
TASKS = ("segmentation", "depth", "normals", "keypoints", "edges")
SETTINGS = {
    "first five tasks": "results",
    "other losses": "results_alt",
    "large networks": "results_large",
    "small data": "results_small_data",
}


def missing(folder: Path | None) -> str:
    """What is lacking for `load_networks`; empty if nothing."""
    if folder is None or not (folder / FOLDER).is_dir():
        return f"a folder with {FOLDER}, from {SOURCE}"
    return ""


def load_networks(folder: Path | None) -> xr.DataArray:
    """Return the loss of each task in each network: `loss (setting, split, set, task)`.

    Sets are masks, bit `i` for task `i`; the loss is NaN for a task that is not in the
    set. Networks were chosen on the validation split, and are judged on the test split.

    A file has a row a network, a column a task. Its first row has all five tasks again,
    each with nearly its loss alone: no joint network, which comes last as the sets
    grow, so it is left out.

    Raises:
        FileNotFoundError: The folder or a file is not there.
        ValueError: A file has other columns, or its sets are not all 31. The message
            names the file and the row.

    Source: Standley et al. 2020 (arXiv 1905.07553).
    """
    if folder is None or missing(folder):
        raise FileNotFoundError(f"it needs {missing(folder)}")
    found = [
        [_read(folder / FOLDER / f"{name}{end}.txt") for end in ("", "_test")]
        for name in SETTINGS.values()
    ]
    coords = {
        "setting": list(SETTINGS),
        "split": ["validation", "test"],
        "set": np.arange(1, 32),
        "task": list(TASKS),
    }
    return xr.DataArray(np.array(found), coords, tuple(coords), "loss")


def _read(path: Path) -> np.ndarray:
    try:
        table = pd.read_csv(path, sep="\t", header=None, dtype=float).to_numpy()
    except (pd.errors.ParserError, ValueError) as error:
        raise ValueError(f"{path}: not a table of losses: {error}") from error
    if table.shape[1] != len(TASKS):
        raise ValueError(f"{path}: has {table.shape[1]} columns, not {len(TASKS)}")
    rows = {}
    for number, row in enumerate(table[1:], start=2):
        mask = int(~np.isnan(row) @ (1 << np.arange(len(TASKS))))
        if not mask or mask in rows or not np.nanmin(row) > 0:
            raise ValueError(
                f"{path}, row {number}: no set of losses above 0, or again"
            )
        rows[mask] = row
    if len(rows) != 31:
        raise ValueError(f"{path}: has {len(rows)} sets of tasks, not all 31")
    return np.array([rows[mask] for mask in range(1, 32)])
