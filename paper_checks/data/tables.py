"""Comma-separated numbers and ARFF, with the file and line of whatever is wrong."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

MISSING = "?"
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|\S+)\s+(.+)", re.IGNORECASE)
_NUMBER_TYPES = ("numeric", "real", "integer")


class Table(NamedTuple):
    """Named columns of numbers; a value that the file marks missing is NaN."""

    names: tuple[str, ...]
    values: Float[np.ndarray, "m n"]


def read_csv(lines: Sequence[str], path: Path) -> Table:
    """Read a header and rows of numbers.

    Args:
        lines: The file's lines.
        path: What messages call the file.

    Raises:
        ValueError: No rows; a line with another number of fields than the header; a
            column named twice; a field that is no finite number. The message names
            the file and the line.
    """
    names = tuple(name.strip() for name in lines[0].split(",")) if lines else ()
    return _table(names, lines, 1, path)


def read_arff(lines: Sequence[str], path: Path) -> Table:
    """Read a dense ARFF file of numbers.

    Nominal attributes are read where their values are numbers, as `{0,1}`.

    Raises:
        ValueError: As `read_csv`; also no `@data`, or an attribute of another type.
    """
    names: list[str] = []
    for index, line in enumerate(lines):
        text = line.strip()
        if text.lower() == "@data":
            return _table(tuple(names), lines, index + 1, path)
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
    names: tuple[str, ...], lines: Sequence[str], start: int, path: Path
) -> Table:
    """Numbers of all lines from `start` on; blank lines and `%` comments are none."""
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"{path}: column {twice[0]} is there {names.count(twice[0])} times"
        )
    rows: list[list[float]] = []
    for index in range(start, len(lines)):
        text = lines[index].strip()
        if not text or text.startswith("%"):
            continue
        fields = text.split(",")
        where = f"{path}, line {index + 1}"
        if len(fields) != len(names):
            raise ValueError(
                f"{where}: {len(fields)} fields, and the file has {len(names)} columns"
            )
        rows.append(_numbers(fields, names, where))
    if not rows:
        raise ValueError(f"{path} has no rows of data")
    return Table(names, np.array(rows))


def _numbers(fields: list[str], names: Sequence[str], where: str) -> list[float]:
    values = []
    for name, field in zip(names, fields, strict=True):
        text = field.strip()
        if text == MISSING:
            values.append(math.nan)
            continue
        if not _is_number(text):
            raise ValueError(f"{where}: column {name} has {text!r}, no finite number")
        values.append(float(text))
    return values


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
