"""Cells of a CSV, TSV, Parquet or NPZ file, as they are, with where they stand."""

import csv
import gzip
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulations.advice.scipy_files import read_arff, read_mat

READERS = (".csv", ".tsv", ".txt", ".parquet", ".npz", ".arff", ".mat")
SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Cells:
    """Columns of one file, text or of any type; `lines` tells where rows stand."""

    path: str
    frame: pd.DataFrame
    lines: np.ndarray
    unit: str
    notes: list[str] = field(default_factory=list)


def suffix_of(path: Path) -> str:
    """The suffix that tells the format, without that of gzip."""
    return (
        path.with_suffix("") if path.suffix.lower() == ".gz" else path
    ).suffix.lower()


def read_cells(path: Path) -> Cells:
    """Read a file by its suffix.

    A CSV file has a header and commas, semicolons, tabs or bars; it may be gzipped, and
    in UTF-8, UTF-16 (with a mark) or, failing these, Latin 1. An NPZ file holds `X`
    (m x d) and `y` (m), whose columns are called `x0`, `x1`, ... and `y`, and any other
    arrays (m); no pickled objects are read. Parquet needs pyarrow. ARFF and MAT files
    are read as `simulations.advice.scipy_files` says.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another format, or a file that is damaged or has no rows. The
            message names the file and the line, and says what to do.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    suffix = suffix_of(path)
    if suffix not in READERS:
        raise ValueError(
            f"{path}: the format {path.suffix or 'without a suffix'} is not read; give "
            f"{', '.join(READERS)}"
        )
    readers = {
        ".parquet": _read_parquet,
        ".npz": _read_npz,
        ".arff": read_arff,
        ".mat": read_mat,
    }
    if suffix in (".arff", ".mat"):
        frame = readers[suffix](path)
        cells = Cells(str(path), frame, np.arange(len(frame)), "row")
    else:
        cells = readers.get(suffix, _read_text)(path)
    if not len(cells.frame):
        raise ValueError(f"{path} has no rows: give at least two a task")
    return _without_index(cells)


def _read_text(path: Path) -> Cells:
    notes: list[str] = []
    try:
        raw = path.read_bytes()
        if path.suffix.lower() == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    text = _decoded(path, raw, notes)
    mark = _separator(text, suffix_of(path))
    if mark != ",":
        notes.append(f"columns are separated by {mark!r}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    rows, lines = [], []
    try:
        names = _header(path, next(reader, []))
        for row in reader:
            if not row or (len(row) == 1 and not row[0].strip()):
                continue  # an empty line, such as the last
            if len(row) != len(names):
                raise ValueError(
                    f"{path}, line {reader.line_num} has {len(row)} fields, the header "
                    f"has {len(names)}: mend the line"
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    return Cells(str(path), frame, np.asarray(lines, int), "line", notes)


def _decoded(path: Path, raw: bytes, notes: list[str]) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        notes.append("the file is UTF-16")
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in raw[:1000]:
            raise ValueError(
                f"{path} is no text in UTF-8, Latin 1 or UTF-16 with its mark: save it "
                "as UTF-8"
            ) from None
        notes.append("the file is not UTF-8 and was read as Latin 1 (Windows 1252)")
        return raw.decode("cp1252", errors="replace")


def _separator(text: str, suffix: str) -> str:
    """The mark that splits the first lines into most fields, equally many in each."""
    lines = [line for line in text[:100_000].splitlines()[:20] if line.strip()]
    if len(lines) > 2 and len(text) > 100_000:
        lines = lines[:-1]
    best, most = "\t" if suffix == ".tsv" else ",", 1
    for mark in SEPARATORS:
        sizes = [len(row) for row in csv.reader(lines, delimiter=mark)]
        # Most lines agree with the header: one broken line is named later.
        same = sum(size == sizes[0] for size in sizes) if sizes else 0
        if sizes and sizes[0] > most and 2 * same >= len(sizes):
            best, most = mark, sizes[0]
    return best


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise ValueError(f"{path}, line 1: no header; name the columns there")
    numbers = [is_number(name) for name in names]
    whole = all(
        n.lstrip("-").isdigit()
        for n, number in zip(names, numbers, strict=True)
        if number
    )
    if all(numbers) or (2 * sum(numbers) > len(names) and not whole):
        raise ValueError(
            f"{path}, line 1 has numbers where the header should be "
            f"({', '.join(names[:5])}): is it a row? Name the columns in a first line"
        )
    for index, name in enumerate(names):
        if index == 0 and not name:
            names[0] = "Unnamed: 0"
        elif not name or name in names[:index]:
            wrong = f"names {name!r} twice" if name else f"has no name {index + 1}"
            raise ValueError(f"{path}, line 1: the header {wrong}; name each once")
    return names


def _read_parquet(path: Path) -> Cells:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError(
            f"{path}: reading Parquet needs pyarrow, which is not installed; run "
            "'pip install pyarrow', or save the table as CSV"
        ) from None
    try:
        names = parquet.read_schema(path).names
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"it names the column {twice[0]!r} twice")
        frame = parquet.read_table(path).to_pandas()
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from None
    notes = []
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    elif not isinstance(frame.index, pd.RangeIndex):
        notes.append("the index of the saved frame has no name and is no column")
        frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    frame = frame.reset_index(drop=True)
    return Cells(str(path), frame, np.arange(len(frame)), "row", notes)


def _read_npz(path: Path) -> Cells:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read as NPZ: {error}") from None
    if arrays.get("X", np.zeros(0)).ndim != 2 or arrays.get("y", np.zeros(())).ndim < 1:
        raise ValueError(
            f"{path}: an NPZ file needs the arrays X (m x d) and y (m), it has "
            f"{ {name: array.shape for name, array in arrays.items()} or 'none' }"
        )
    inputs = arrays.pop("X")
    columns = {f"x{index}": column for index, column in enumerate(inputs.T)} | arrays
    for name, column in columns.items():
        if column.shape != (len(inputs),):
            raise ValueError(
                f"{path}: {name} has shape {column.shape}, and X has {len(inputs)} rows"
            )
    frame = pd.DataFrame(columns)
    return Cells(str(path), frame, np.arange(len(frame)), "row")


def _without_index(cells: Cells) -> Cells:
    """Drop the unnamed column of row numbers that pandas writes first."""
    frame = cells.frame
    first = str(frame.columns[0])
    if first != "Unnamed: 0":
        return cells
    values: Any = pd.to_numeric(frame[first], errors="coerce")
    if values.isna().any() or (values % 1 != 0).any() or values.duplicated().any():
        raise ValueError(
            f"{cells.path}, line 1: the header has no name 1, and the column is no "
            "number of rows; name it"
        )
    notes = [*cells.notes, "the unnamed first column numbers the rows and is no input"]
    return Cells(cells.path, frame.drop(columns=first), cells.lines, cells.unit, notes)


def is_number(cell: object) -> bool:
    """Whether a cell reads as a number."""
    try:
        float(str(cell))
    except ValueError:
        return False
    return True
