"""Landmine detection: 29 fields, as tasks with labels −1 and +1 under squared loss."""

from pathlib import Path

import numpy as np

from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.folder import as_benchmark, read_mat, variable
from paper_checks.data.manifest import listed_entry

NAME = "landmine"


def load_landmine(folder: Path) -> LinearBenchmark:
    """Read the cells `feature` (m_i x 9) and `label` (m_i) of each field.

    It is a classification problem; the linear theory sees its labels as −1 and +1.

    Raises:
        FileNotFoundError: No such folder, manifest or file.
        ValueError: The manifest does not list it, the file cannot be read, or a field
            has labels that are none, are constant or do not fit. The message names
            the file.
    """
    entry = listed_entry(folder, NAME, "all")
    content = read_mat(entry)
    cells = [variable(content, key, entry).ravel() for key in ("feature", "label")]
    try:
        covariates = [np.asarray(x, np.float64) for x in cells[0]]
        labels = [np.asarray(y, np.float64).ravel() for y in cells[1]]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{entry.path}: a cell is no array of numbers: {error}") from (
            error
        )
    if not all(np.isin(y, (0, 1)).all() for y in labels):
        raise ValueError(f"{entry.path}: labels must be 0 or 1")
    return as_benchmark(
        entry,
        [f"field {index + 1}" for index in range(len(labels))],
        covariates,
        [2 * y - 1 for y in labels],
        "classification, one task a field; labels 0 and 1 read as -1 and +1 and "
        "fitted by least squares",
    )
