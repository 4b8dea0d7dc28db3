"""Real data from a folder with a manifest, one benchmark at a time.

Names come from the manifest; a file is read, and its SHA-256 compared, when its
benchmark is asked for. No format that can hold pickled objects is read.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import scipy.io

from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.manifest import MANIFEST, Entry, read_manifest
from paper_checks.data.tables import read_arff, read_csv


def benchmark_names(folder: Path) -> tuple[str, ...]:
    """The linear benchmarks that the folder's manifest lists; no data is read.

    Raises:
        FileNotFoundError: No such folder, or no manifest.
        ValueError: The manifest cannot be read.
    """
    listed = read_manifest(folder)
    return tuple(
        name for name, (split, _) in READERS.items() if (name, split) in listed
    )


def load_benchmark(folder: Path, name: str, part: str | None = None) -> LinearBenchmark:
    """Read one benchmark.

    Args:
        folder: With a manifest.
        name: Of the benchmark.
        part: Another split than the usual one, such as `test` of a multi-label set.

    Raises:
        FileNotFoundError: No such folder, manifest or file; for a file the message
            says where it comes from.
        ValueError: A name that the manifest does not list, a wrong checksum, a file
            that cannot be read, a row that is no row of numbers, or labels that are
            constant. The message names the file and, in a text file, the line.
    """
    listed = read_manifest(folder)
    known = [key for key, (split, _) in READERS.items() if (key, split) in listed]
    if name not in known:
        raise ValueError(
            f"no benchmark '{name}': {folder / MANIFEST} lists {', '.join(known)}"
        )
    split, reader = READERS[name]
    entry = listed.get((name, part or split))
    if entry is None:
        raise ValueError(f"{folder / MANIFEST} lists no part '{part}' of {name}")
    benchmark = reader(entry)
    found = (benchmark.rows, benchmark.count, benchmark.dimension)
    said = (entry.rows, entry.tasks or found[1], entry.features or found[2])
    if found != said:
        raise ValueError(
            f"{entry.path} has (rows, tasks, inputs) = {found}, and {MANIFEST} says "
            f"{said}"
        )
    return benchmark


def _school(entry: Entry) -> LinearBenchmark:
    """Exam scores; cells `X` and `Y`, one school each."""
    content = read_mat(entry)
    cells = [variable(content, key, entry).ravel() for key in ("X", "Y")]
    if any(cell.dtype != object for cell in cells) or len(cells[0]) != len(cells[1]):
        raise ValueError(f"{entry.path}: X and Y must be cell arrays of one length")
    names = [f"school {index + 1}" for index in range(len(cells[0]))]
    covariates = [_real(x, entry) for x in cells[0]]
    labels = [_real(y, entry).ravel() for y in cells[1]]
    return as_benchmark(
        entry, names, covariates, labels, "one task a school, with its X"
    )


def _sarcos(entry: Entry) -> LinearBenchmark:
    """Seven torques on 21 inputs, all rows of one array of 28 columns."""
    values = _real(variable(read_mat(entry), "sarcos_inv_test", entry), entry)
    if values.ndim != 2 or values.shape[1] != 28:
        raise ValueError(
            f"{entry.path}: 21 inputs and 7 torques make 28 columns, got shape "
            f"{values.shape}"
        )
    names = [f"torque {joint + 1}" for joint in range(7)]
    note = (
        "seven torques on one X; the test part only, which overlaps the training part"
    )
    return as_benchmark(entry, names, values[:, :21], values[:, 21:], note)


def _parkinsons(entry: Entry) -> LinearBenchmark:
    """motor_UPDRS from 16 voice measures, one task a patient.

    Age and sex are constant within a patient. Time is left out, because the scores
    between visits were interpolated linearly in it.
    """
    table = read_csv(entry.read_lines(), entry.path)
    missing = [name for name in (_SUBJECT, _SCORE) if name not in table]
    if missing:
        raise ValueError(f"{entry.path}, line 1: no column {', '.join(missing)}")
    _refuse_missing(table, entry)
    inputs = table.drop(columns=[name for name in _NOT_VOICE if name in table])
    patients = np.unique(table[_SUBJECT])
    own = [table[_SUBJECT] == patient for patient in patients]
    return as_benchmark(
        entry,
        [f"patient {patient:g}" for patient in patients],
        [_values(inputs[rows]) for rows in own],
        [_values(table.loc[rows, _SCORE]) for rows in own],
        f"{_SCORE} from {inputs.shape[1]} voice measures, one task a patient; age and "
        "sex are dropped as constant within a patient, test_time because scores "
        "between visits are interpolated linearly in it, total_UPDRS as another target",
    )


def _multitarget(entry: Entry) -> LinearBenchmark:
    """Targets are the last attributes; missing values by `_without_missing`."""
    table = read_arff(entry.read_lines(), entry.path)
    start = table.shape[1] - (entry.tasks or 0)
    targets = tuple(table.columns[start:])
    if targets != entry.target_names or not start:
        raise ValueError(
            f"{entry.path}: its last attributes are {', '.join(targets)}, and "
            f"{MANIFEST} names the targets {', '.join(entry.target_names)}"
        )
    _refuse_missing(table.iloc[:, start:], entry)
    filled, note = _without_missing(table.iloc[:, :start], entry)
    labels = _values(table.iloc[:, start:])
    note = f"targets on one X; {note}"
    return as_benchmark(entry, targets, _values(filled), labels, note)


def _multilabel(entry: Entry) -> LinearBenchmark:
    """Labels 0 and 1, read as -1 and +1, are the attributes the manifest names."""
    table, names = read_arff(entry.read_lines(), entry.path), list(entry.target_names)
    absent = [name for name in names if name not in table]
    if absent or not names:
        raise ValueError(
            f"{entry.path}: no attribute for the labels {', '.join(absent) or '(none)'}"
            f" of {MANIFEST}"
        )
    _refuse_missing(table, entry)
    labels = _values(table[names])
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"{entry.path}: labels must be 0 or 1, got {np.unique(labels)}"
        )
    return as_benchmark(
        entry,
        names,
        _values(table.drop(columns=names)),
        2 * labels - 1,
        f"labels on one X, 0 and 1 read as -1 and +1; the {entry.split} part only",
    )


_SUBJECT, _SCORE = "subject#", "motor_UPDRS"
_NOT_VOICE = (_SUBJECT, "age", "sex", "test_time", _SCORE, "total_UPDRS")
_MULTITARGET = ("atp1d", "atp7d", "oes97", "oes10", "wq", "enb", "jura", "scpf")
_MULTILABEL = ("yeast", "scene", "emotions")
_Reader = Callable[[Entry], LinearBenchmark]

# Benchmark: the split of the manifest that is read, and how.
READERS: Mapping[str, tuple[str, _Reader]] = MappingProxyType(
    {
        "school": ("all", _school),
        "sarcos_test": ("test", _sarcos),
        "parkinsons_telemonitoring": ("all", _parkinsons),
        **dict.fromkeys(_MULTITARGET, ("all", _multitarget)),
        **dict.fromkeys(_MULTILABEL, ("train", _multilabel)),
    }
)


def as_benchmark(
    entry: Entry,
    names: list[str] | tuple[str, ...],
    covariates: np.ndarray | list[np.ndarray],
    labels: np.ndarray | list[np.ndarray],
    note: str,
) -> LinearBenchmark:
    """A benchmark with the provenance of its file, whose path is in all messages."""
    common = isinstance(covariates, np.ndarray)
    try:
        return LinearBenchmark(
            name=entry.name,
            task_names=tuple(names),
            covariates=(covariates,) * len(names) if common else tuple(covariates),
            labels=tuple(labels.T) if isinstance(labels, np.ndarray) else tuple(labels),
            common_covariates=common,
            source=entry.source,
            licence=entry.licence,
            checksum=f"sha256:{entry.sha256}",
            note=note,
        )
    except ValueError as error:
        raise ValueError(f"{entry.path}: {error}") from None


def _values(table: pd.DataFrame | pd.Series) -> np.ndarray:
    """As an array whose rows are contiguous, however pandas keeps them."""
    return np.ascontiguousarray(table.to_numpy())


def _refuse_missing(table: pd.DataFrame, entry: Entry) -> None:
    gaps = table.isna().sum()
    if gaps.any():
        raise ValueError(
            f"{entry.path}: column {gaps.idxmax()} has {gaps.max()} missing values; "
            "labels and the inputs of this set may have none"
        )


def _without_missing(inputs: pd.DataFrame, entry: Entry) -> tuple[pd.DataFrame, str]:
    """Read a missing value of a 0/1 column as 0; refuse any other.

    The 0/1 columns are the indicators of a nominal attribute. A row whose category is
    unknown belongs to none of them, which needs no moment of other rows.
    """
    counts = inputs.isna().to_numpy().sum(axis=0)
    gaps = dict(zip(inputs.columns, counts, strict=True))
    holed = [name for name, count in gaps.items() if count]
    if not holed:
        return inputs, "no missing values"
    for name in holed:
        if not np.all(np.isin(np.asarray(inputs[name].dropna()), (0, 1))):
            raise ValueError(
                f"{entry.path}: column {name} has {gaps[name]} missing values and is "
                "no 0/1 indicator, so there is no neutral value"
            )
    return inputs.fillna(0.0), (
        f"{sum(gaps.values())} missing values in {len(holed)} indicator columns and "
        f"{inputs.isna().any(axis=1).sum()} rows are read as 0, 'none of the "
        "categories'"
    )


def read_mat(entry: Entry) -> dict[str, Any]:
    """The variables of a MATLAB file.

    Raises:
        FileNotFoundError, ValueError: As `Entry.read_bytes`; or it cannot be read.
    """
    content = entry.read_bytes()
    try:
        return scipy.io.loadmat(io.BytesIO(content))
    # scipy's reader lets many types through on a damaged file (zlib.error,
    # TypeError, struct.error, MatReadError, ...), and documents none of them.
    except Exception as error:
        raise ValueError(
            f"{entry.path} cannot be read as a MATLAB v5 file, or is truncated: "
            f"{type(error).__name__}: {error}"
        ) from error


def variable(content: dict[str, Any], key: str, entry: Entry) -> np.ndarray:
    """One array of a MATLAB file.

    Raises:
        ValueError: There is no such array; the message names those that are there.
    """
    if not isinstance(content.get(key), np.ndarray):
        present = [name for name in content if not name.startswith("__")]
        raise ValueError(f"{entry.path} has no array {key}; it has {present}")
    return content[key]


def _real(values: Any, entry: Entry) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
        raise ValueError(f"{entry.path}: a cell is no array of real numbers")
    return values.astype(np.float64)
