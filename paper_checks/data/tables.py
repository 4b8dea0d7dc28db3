"""Comma-separated numbers and ARFF, with the file, line and column of an error."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

MISSING = "?"
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|\S+)\s+(.+)", re.IGNORECASE)
_NUMBER_TYPES = ("numeric", "real", "integer")


def read_csv(lines: Sequence[str], path: Path) -> pd.DataFrame:
    """Read a header and rows of numbers.

    Args:
        lines: The file's lines.
        path: What messages call the file.

    Returns:
        64-bit floats, NaN where the file marks a value as missing; rows are labelled
        by their line.

    Raises:
        ValueError: No rows; a line with another number of fields than the header; a
            column named twice; a field that is no finite number. The message names
            the file and the line.
    """
    names = [name.strip() for name in lines[0].split(",")] if lines else []
    return _table(names, lines, 1, path)


def read_arff(lines: Sequence[str], path: Path) -> pd.DataFrame:
    """Read a dense ARFF file of numbers.

    Nominal attributes are read where their values are numbers, as `{0,1}`. scipy's
    reader drops surplus fields, takes `nan` for a number and knows no line.

    Returns:
        As `read_csv`.

    Raises:
        ValueError: As `read_csv`; also no `@data`, or an attribute of another type.
    """
    names: list[str] = []
    for index, line in enumerate(lines):
        text = line.strip()
        if text.lower() == "@data":
            return _table(names, lines, index + 1, path)
        if text.lower().startswith("@attribute"):
            names.append(_attribute(text, f"{path}, line {index + 1}"))
    raise ValueError(f"{path}: no @data line in its {len(lines)} lines: truncated?")


def _attribute(text: str, where: str) -> str:
    found = _ATTRIBUTE.fullmatch(text)
    if found is None:
        raise ValueError(f"{where}: not an attribute with a name and a type: {text!r}")
    name, kind = found[1], found[2].strip()
    if kind.startswith("{") and kind.endswith("}"):
        known = all(_is_number(value) for value in kind[1:-1].split(","))
    else:
        known = kind.lower() in _NUMBER_TYPES
    if not known:
        raise ValueError(f"{where}: attribute {name} is of type {kind}, not numbers")
    return name[1:-1] if name[0] in "'\"" else name


def _table(
    names: Sequence[str], lines: Sequence[str], start: int, path: Path
) -> pd.DataFrame:
    """Numbers of all lines from `start` on but blank lines and `%` comments."""
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"{path}: column {twice[0]} is there {names.count(twice[0])} times"
        )
    rows = pd.Series(lines[start:], range(start + 1, len(lines) + 1), "str").str.strip()
    rows = rows[(rows != "") & ~rows.str.startswith("%")]
    if rows.empty:
        raise ValueError(f"{path} has no rows of data")
    counts = rows.str.count(",") + 1
    for line, count in counts[counts != len(names)].items():
        raise ValueError(
            f"{path}, line {line}: {count} fields, and the file has {len(names)} "
            "columns"
        )
    fields = rows.str.split(",", expand=True).set_axis(names, axis=1)
    fields = fields.apply(lambda column: column.str.strip())
    missing = fields == MISSING
    finite = np.isfinite(fields.apply(pd.to_numeric, errors="coerce"))
    bad = (~missing & ~finite).stack()
    for line, name in bad.index[bad]:
        raise ValueError(
            f"{path}, line {line}: column {name} has {fields.loc[line, name]!r}, no "
            "finite number"
        )
    return fields.mask(missing, "nan").astype(np.float64)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
