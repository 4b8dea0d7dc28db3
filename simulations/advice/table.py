"""A table of numbers from a CSV, Parquet or NPZ file, or where it is none."""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

READERS = (".csv", ".parquet", ".npz")
# What stands for a missing value, in any case.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
# Lines of text held at once.
BLOCK = 50_000


@dataclass(frozen=True)
class Table:
    """Columns of one file: numbers, all finite, but for the text column.

    `lines` says where a row stands in the file, counted in `unit`.
    """

    path: Path
    columns: dict[str, np.ndarray]
    lines: np.ndarray
    unit: str

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.lines)


def read_table(
    path: Path, *, text: str | None = None, drop: Sequence[str] = ()
) -> Table:
    """Read a file by its suffix.

    A CSV file has a header, commas and one row a line. An NPZ file holds `X` (m x d)
    and `y` (m), whose columns are called `x0`, `x1`, ... and `y`, and, as text column,
    any other array (m); no pickled objects are read. Parquet needs pyarrow.

    Args:
        path: The file.
        text: The one column that may be text; it is read as text.
        drop: Columns to leave out, whatever they hold.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another format, or a value that is missing or no number. The message
            names the file, the line or row, and the column, and says what to do.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix.lower() not in readers:
        raise ValueError(
            f"{path}: the format {path.suffix or 'without a suffix'} is not read; give "
            f"{', '.join(READERS)}"
        )
    table = readers[path.suffix.lower()](path, text, frozenset(drop))
    if not table.rows:
        raise ValueError(f"{path} has no rows: give at least two a task")
    return table


def header(path: Path) -> list[str] | None:
    """Names of a CSV file's columns; None for another format, which is read whole.

    Raises:
        ValueError: The first line is no header.
    """
    if path.suffix.lower() != ".csv":
        return None
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return _header(path, next(csv.reader(stream), []))


def _read_csv(path: Path, text: str | None, drop: frozenset[str]) -> Table:
    parts: dict[str, list[np.ndarray]] = {}
    lines: list[np.ndarray] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            names = _header(path, next(reader, []))
            for rows, at in _blocks(path, reader, names):
                lines.append(np.asarray(at))
                for index, name in enumerate(names):
                    if name not in drop:
                        cells = np.array([row[index] for row in rows], dtype=str)
                        block = Table(path, {name: cells}, lines[-1], "line")
                        parts.setdefault(name, []).append(_column(block, name, text))
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text: {error}") from None
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
    columns = {name: np.concatenate(blocks) for name, blocks in parts.items()}
    return Table(path, columns, np.concatenate(lines or [np.zeros(0, int)]), "line")


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise ValueError(f"{path}, line 1: no header; name the columns there")
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            wrong = f"names {name!r} twice" if name else f"has no name {index + 1}"
            raise ValueError(f"{path}, line 1: the header {wrong}; name each once")
    if len(names) == 1:
        for mark in (";", "\t"):
            if mark in names[0]:
                raise ValueError(
                    f"{path}, line 1: columns are separated by {mark!r}; separate them "
                    "by commas"
                )
    if all(_number(name) is not None for name in names):
        raise ValueError(
            f"{path}, line 1 has numbers where the header should be: name the columns "
            "in a first line"
        )
    return names


def _blocks(
    path: Path, reader: Any, names: list[str]
) -> Iterator[tuple[list[list[str]], list[int]]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    for row in reader:
        if not row:
            continue  # an empty line, such as the last
        if len(row) != len(names):
            raise ValueError(
                f"{path}, line {reader.line_num} has {len(row)} fields, the header "
                f"has {len(names)}: mend the line"
            )
        rows.append(row)
        lines.append(reader.line_num)
        if len(rows) == BLOCK:
            yield rows, lines
            rows, lines = [], []
    if rows:
        yield rows, lines


def _read_parquet(path: Path, text: str | None, drop: frozenset[str]) -> Table:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError(
            f"{path}: reading Parquet needs pyarrow, which is not installed; run "
            "'pip install pyarrow', or save the table as CSV"
        ) from None
    try:
        read = parquet.read_table(path)
        columns = {
            name: read.column(name).to_numpy()
            for name in read.column_names
            if name not in drop
        }
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from None
    return _from_arrays(path, columns, text)


def _read_npz(path: Path, text: str | None, drop: frozenset[str]) -> Table:
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
    kept = {name: column for name, column in columns.items() if name not in drop}
    for name, column in kept.items():
        if column.shape != (len(inputs),):
            raise ValueError(
                f"{path}: {name} has shape {column.shape}, and X has {len(inputs)} rows"
            )
    return _from_arrays(path, kept, text)


def _from_arrays(path: Path, columns: dict[str, np.ndarray], text: str | None) -> Table:
    rows = len(next(iter(columns.values()))) if columns else 0
    table = Table(path, columns, np.arange(rows), "row")
    read = {name: _column(table, name, text) for name in columns}
    return Table(path, read, table.lines, "row")


def _column(table: Table, name: str, text: str | None) -> np.ndarray:
    """One column as finite numbers, or as text without gaps."""
    cells = table.columns[name]
    if name == text:
        if cells.dtype.kind == "f" and np.all(cells == np.round(cells)):
            cells = cells.astype(np.int64)  # 3.0 and 3 are one task
        found = np.char.strip(np.asarray(cells).astype(str))
        gaps = np.flatnonzero(np.isin(np.char.lower(found), list(MISSING)))
        if len(gaps):
            raise _missing(table, name, gaps)
        return found
    try:
        found = cells.astype(np.float64)
    except (TypeError, ValueError):
        gaps = [i for i, c in enumerate(cells) if str(c).strip().lower() in MISSING]
        known = set(gaps)
        bad = [i for i, c in enumerate(cells) if i not in known and _number(c) is None]
        if gaps and (not bad or gaps[0] < bad[0]):
            raise _missing(table, name, gaps) from None
        raise ValueError(
            f"{_place(table, name, bad[0])} has the text {str(cells[bad[0]])!r}: code "
            f"it as numbers, or leave the column out with --drop {name}"
        ) from None
    gaps = np.flatnonzero(np.isnan(found))
    if len(gaps):
        raise _missing(table, name, gaps)
    infinite = np.flatnonzero(np.isinf(found))
    if len(infinite):
        raise ValueError(
            f"{_place(table, name, infinite[0])} is infinite: drop the row or impute it"
        )
    return found


def _number(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _place(table: Table, name: str, row: int | np.integer) -> str:
    return f"{table.path}, {table.unit} {table.lines[row]}, column {name}"


def _missing(table: Table, name: str, rows: Sequence[int] | np.ndarray) -> ValueError:
    more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
    return ValueError(
        f"{_place(table, name, rows[0])} is missing{more}: drop these rows, impute "
        f"them, or leave the column out with --drop {name}"
    )
