"""Columns of any type as numbers, with a note on what was done to each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

# What stands for a missing value, in any case.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "nat"})
TRUE = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
# Levels of a text with fewer rows are pooled, as are those after so many.
RARE, LEVELS = 5, 12
LARGE = 1e150
THOUSANDS = r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"
COMMA = r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?"
DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"


class Encoded(NamedTuple):
    """Numbers by name, NaN where a value is missing, and what was done."""

    columns: dict[str, np.ndarray]
    note: str


def encode(name: str, cells: Any, place: Callable[[int], str]) -> Encoded:
    """Numbers of one column.

    Numbers stay as they are, also those of text with thousands, decimal commas or per
    cent; booleans are 0 and 1, dates days after the first one. Text is a column of 0
    and 1 for every level but the most frequent one; levels in fewer than five rows and
    those beyond twelve are pooled. Text that differs in most rows is no input.

    Args:
        name: Of the column.
        cells: Its values.
        place: Where a row stands, for messages.

    Raises:
        ValueError: Complex numbers, infinite ones, or a missing date.
    """
    if cells.dtype.kind == "c":
        raise ValueError(f"{place(0)}, column {name} has complex numbers: split them")
    if cells.dtype.kind in "mM":
        return _days(name, cells, place)
    if cells.dtype.kind in "biuf" or pd.api.types.is_numeric_dtype(cells):
        note = f"{name}: false is 0, true is 1" if cells.dtype.kind == "b" else ""
        found = cells.astype("float64").to_numpy(dtype=float, na_value=np.nan)
        return Encoded({name: _finite(name, found, place)}, note)
    known = text_of(cells)
    found = number_of(known)
    if found is not None:
        whole = np.full(len(cells), np.nan)
        whole[known.index.to_numpy()] = found[0]
        note = f"{name}: {found[1]}" if found[1] else ""
        return Encoded({name: _finite(name, whole, place)}, note)
    text: Any = known.reindex(cells.index)
    if are_dates(known):
        dates = pd.to_datetime(text, errors="coerce", format="ISO8601")
        return _days(name, dates, place)
    return _levels(name, text.where(text.notna(), None))


def text_of(cells: Any) -> Any:
    """Return cells as text without blanks around it, without missing ones."""
    text: Any = cells.map(lambda cell: "" if cell is None else str(cell).strip())
    text = text.astype(object)
    return text[~text.str.lower().isin(MISSING)]


def are_dates(text: Any) -> bool:
    """Return whether all text is dates, as 2025-12-31."""
    return bool(text.str.fullmatch(DATE).all())


def number_of(text: Any) -> tuple[np.ndarray, str] | None:
    """Numbers of text and what they were, None if some are none."""
    plain: Any = pd.to_numeric(text, errors="coerce")
    bad = text[plain.isna()]
    if bad.empty:
        return plain.to_numpy(dtype=float), ""
    if bad.str.lower().isin(TRUE).all() and len(bad) == len(text):
        return text.str.lower().map(TRUE).to_numpy(dtype=float), "no is 0, yes is 1"
    if bad.str.fullmatch(r".*\d\s*%").all() and len(bad) == len(text):
        found: Any = pd.to_numeric(
            bad.str.rstrip("% ").str.replace(",", "."), errors="coerce"
        )
        if found.notna().all():
            return found.to_numpy(dtype=float), "per cent, without the sign"
    if bad.str.fullmatch(THOUSANDS).all():
        found = pd.to_numeric(text.str.replace(",", ""), errors="coerce")
        return found.to_numpy(dtype=float), "commas mark thousands"
    if bad.str.fullmatch(COMMA).all() and not text.str.contains(".", regex=False).any():
        found = pd.to_numeric(text.str.replace(",", "."), errors="coerce")
        return found.to_numpy(dtype=float), "commas are decimal"
    return None


def _finite(name: str, values: np.ndarray, place: Callable[[int], str]) -> np.ndarray:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        where = place(int(infinite[0]))
        raise ValueError(
            f"{where}, column {name} is infinite: drop the row or leave the cell empty"
        )
    large = np.flatnonzero(np.abs(values) > LARGE)
    if len(large):
        raise ValueError(
            f"{place(int(large[0]))}, column {name}: {values[large[0]]:g} is too large "
            "to be squared: rescale the column, or leave the cell empty"
        )
    return values


def _days(name: str, dates: Any, place: Callable[[int], str]) -> Encoded:
    gaps = np.flatnonzero(dates.isna())
    if len(gaps):
        raise ValueError(
            f"{place(int(gaps[0]))}, column {name} is missing ({len(gaps)} such rows), "
            f"and a date cannot be imputed: drop these rows, or --drop {name}"
        )
    first = dates.min()
    days = (dates - first) / pd.Timedelta(days=1)
    note = (
        f"{name}: days after {first.date()}; rows of nearby days may depend on each "
        f"other, while intervals take rows as independent (--groups {name} has rows of "
        "one day depend)"
    )
    return Encoded({f"{name} (days)": days.to_numpy(dtype=float)}, note)


def _levels(name: str, text: Any) -> Encoded:
    counts = text.value_counts()
    if len(counts) > max(LEVELS, 0.5 * text.notna().sum()):
        return Encoded({}, f"{name}: text that differs in most rows, left out")
    # Equal counts in the order of the names, so that the order of rows is none.
    order = sorted(counts.index, key=lambda level: (-counts[level], level))
    kept = [level for level in order[:LEVELS] if counts[level] >= RARE]
    rare = [level for level in order if level not in kept]
    columns = {
        f"{name}={level}": np.where(text.isna(), np.nan, (text == level).astype(float))
        for level in kept[1:]
    }
    note = f"{name}: 0 and 1 for {', '.join(kept[1:]) or 'no level'}"
    if kept:
        note += f", against {kept[0]}"
    if rare and kept:
        pooled = text.isin(rare).astype(float)
        columns[f"{name}=other"] = np.where(text.isna(), np.nan, pooled)
        note += f"; rare levels pooled as other: {', '.join(map(str, rare[:8]))}"
    return Encoded(columns, note)
