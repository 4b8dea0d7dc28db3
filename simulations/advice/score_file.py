"""Scores of groups of tasks from a file: affinities of pairs, or results of sets."""

import csv
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from theory.grouping import PairScores, TableScores

Rows = Literal["source", "target"]


class NamedScores(NamedTuple):
    """Scores, with the names of the tasks."""

    scores: PairScores | TableScores
    names: tuple[str, ...]


def load_scores(
    path: Path, *, rows: Rows, lower_is_better: bool, single: bool
) -> NamedScores:
    """Read a matrix of affinities, or a table with one set of tasks a row.

    Commas, semicolons or tabs separate columns. A file is a matrix if its first column
    has the names of the other columns, or if it is square, without names and without
    gaps. Otherwise it is a table: a cell is empty where the task is not in the set, and
    a first column of text names the sets. Tasks without a header are called 1, 2, ...

    Args:
        path: The file.
        rows: What the rows of a matrix are; TAG's released matrices have targets.
        lower_is_better: Scores are losses.
        single: The diagonal of a matrix has the scores of tasks on their own; groups of
            one are banned otherwise.

    Raises:
        ValueError: It is neither, or a value is no number. The message names the file,
            and the line and column, or the task.
        OSError: It cannot be read.
    """
    frame = _read(path)
    names = tuple(str(name) for name in frame.columns)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{path}: two columns are called '{twice}'")
    values = np.array(
        [
            [_number(path, frame, i, j) for j in range(len(names))]
            for i in range(len(frame))
        ]
    )
    sign = -1.0 if lower_is_better else 1.0
    try:
        return NamedScores(_scores(frame, sign * values, rows, single), names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _scores(
    frame: pd.DataFrame, values: np.ndarray, rows: Rows, single: bool
) -> PairScores | TableScores:
    k = values.shape[1]
    named = [str(name) for name in frame.index] == [str(name) for name in frame]
    bare = frame.index.dtype.kind == "i" and not np.isnan(values).any()
    if not (named or (bare and values.shape == (k, k) and frame.attrs["bare"])):
        if single:
            raise ValueError("a table of sets has no diagonal of single tasks")
        return _table(frame, values)
    own = np.diag(values)
    filled = np.where(np.eye(k, dtype=bool), 0, values)
    return PairScores(filled if rows == "source" else filled.T, own if single else None)


def _table(frame: pd.DataFrame, values: np.ndarray) -> TableScores:
    first: dict[bytes, int] = {}
    for row, members in enumerate(~np.isnan(values)):
        line = _line(frame, row)
        if not members.any():
            raise ValueError(f"line {line} has no score")
        before = first.setdefault(members.tobytes(), line)
        if before != line:
            tasks = ", ".join(str(name) for name in frame.columns[members])
            raise ValueError(
                f"lines {before} and {line} are the same set of tasks ({tasks}): keep "
                "one of them, or their mean"
            )
    return TableScores(~np.isnan(values), values)


def _line(frame: pd.DataFrame, row: int) -> int:
    return frame.attrs["lines"][row]


def _read(path: Path) -> pd.DataFrame:
    """The cells as text, with names as columns, and those of rows as index."""
    text = path.read_text(encoding="utf-8-sig")
    lines = {
        place: line
        for place, line in enumerate(text.split("\n"), start=1)
        if line.strip(" \r")
    }
    if not lines:
        raise ValueError(f"{path}: the file is empty")
    top = next(iter(lines.values()))
    separator = max("\t;,", key=top.count)
    rows = csv.reader(lines.values(), delimiter=separator)
    cells = [[cell.strip() for cell in row] for row in rows]
    for place, row in zip(lines, cells, strict=True):
        if len(row) > len(cells[0]):
            raise ValueError(
                f"{path}, line {place}: {len(row)} columns, and the first line has "
                f"{len(cells[0])}"
            )
    bare = all(_is_number(cell) for cell in cells[0])
    width = len(cells[0])
    body = [row + [""] * (width - len(row)) for row in cells[(not bare) :]]
    if not body:
        raise ValueError(f"{path}: there is no row below the names")
    header = [str(i + 1) for i in range(width)] if bare else cells[0]
    frame = pd.DataFrame(body, columns=pd.Index(header))
    if not bare and not all(_is_number(row[0]) for row in body):
        frame = frame.set_index(header[0])
    frame.attrs |= {"bare": bare, "lines": list(lines)[(not bare) :]}
    return frame


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _number(path: Path, frame: pd.DataFrame, row: int, column: int) -> float:
    cell = str(frame.iat[row, column])
    where = f"{path}, line {_line(frame, row)}, column '{frame.columns[column]}'"
    if not _is_number(cell):
        raise ValueError(f"{where}: '{cell}' is not a number")
    value = float(cell or "nan")
    if cell and not np.isfinite(value):
        raise ValueError(f"{where}: '{cell}' is not finite; leave the cell empty")
    return value
