"""Landmine detection: 29 fields, as tasks with labels −1 and +1 under squared loss."""

import io
from pathlib import Path

import numpy as np
import scipy.io

from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.manifest import MANIFEST, Entry, read_manifest

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
    entry = read_manifest(folder).get((NAME, "all"))
    if entry is None:
        raise ValueError(f"{folder / MANIFEST} does not list {NAME}")
    raw = entry.read_bytes()
    try:
        content = scipy.io.loadmat(io.BytesIO(raw))
        cells = [content[key].ravel() for key in ("feature", "label")]
        covariates = [np.asarray(x, np.float64) for x in cells[0]]
        labels = [np.asarray(y, np.float64).ravel() for y in cells[1]]
    # scipy's reader lets many types through on a damaged file, and documents none.
    except Exception as error:
        raise ValueError(
            f"{entry.path} cannot be read as Landmine: {type(error).__name__}: {error}"
        ) from error
    if not all(np.isin(y, (0, 1)).all() for y in labels):
        raise ValueError(f"{entry.path}: labels must be 0 or 1")
    try:
        return _benchmark(entry, covariates, labels)
    except ValueError as error:
        raise ValueError(f"{entry.path}: {error}") from None


def _benchmark(
    entry: Entry, covariates: list[np.ndarray], labels: list[np.ndarray]
) -> LinearBenchmark:
    return LinearBenchmark(
        name=NAME,
        task_names=tuple(f"field {index + 1}" for index in range(len(labels))),
        covariates=tuple(covariates),
        labels=tuple(2 * y - 1 for y in labels),
        common_covariates=False,
        source=entry.source,
        licence=entry.licence,
        checksum=f"sha256:{entry.sha256}",
        note="classification, one task a field; labels 0 and 1 read as -1 and +1 and "
        "fitted by least squares",
    )
