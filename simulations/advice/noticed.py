"""What looks wrong in a table, to be said before any advice."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from simulations.advice.loaded import LoadedTasks
from simulations.advice.repeats import Repeats
from simulations.advice.rows import constant_columns

# A value this many times the median distance from the median is far out.
FAR = 1e4
# An input that leaves less than this share of a label's variance is a leak.
LEAK = 1e-3
# Labels whose scale differs by this factor between tasks have different units.
UNITS = 100
# Values that often stand for a missing one.
PLACEHOLDERS = (-9999.0, -999.0, -99.0, 9999.0, 99999.0, 999999.0, 1e20, -1e20)


class Noticed(NamedTuple):
    """One thing that looks wrong: its kind, where it is, and what to do."""

    kind: str
    column: str
    text: str

    def __str__(self) -> str:
        return self.text


def notice(tasks: LoadedTasks, repeats: Repeats) -> list[Noticed]:
    """Look for leaks, identifiers, outliers, placeholders and units.

    Args:
        tasks: What was read.
        repeats: What repeats in it.
    """
    found = [
        *_leaks(tasks),
        *_identifiers(tasks),
        *_outliers(tasks),
        *_units(tasks),
    ]
    for name, count in zip(tasks.names, repeats.copies, strict=True):
        if count:
            text = f"{tasks.where}: task {name} has {count} rows that repeat another"
            found.append(Noticed("copies", "", f"{text} exactly, inputs and label"))
    return found


def _leaks(tasks: LoadedTasks) -> Iterator[Noticed]:
    """Inputs that alone determine the label, within tasks, to a thousandth."""
    for index, name in enumerate(tasks.inputs):
        shares = [
            _left(x[:, index], y)
            for x, y in zip(tasks.covariates, tasks.labels, strict=True)
            if len(y) > 4
        ]
        shares = [share for share in shares if np.isfinite(share)]
        if shares and np.median(shares) < LEAK:
            how = "equals" if np.max(shares) < 1e-20 else "nearly determines"
            yield Noticed(
                "leak",
                name,
                f"{tasks.where}: column {name} {how} the label {tasks.label} (all but "
                f"{np.median(shares):.1g} of its variance): if it is known only after "
                f"the label, leave it out with --drop {name}",
            )


def _left(x: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"]) -> float:
    """Share of the label's variance that a line in `x` leaves."""
    if constant_columns(np.column_stack([x, y])).any():
        return np.nan
    x, y = (one / np.max(np.abs(one)) for one in (x, y))
    x, y = x - x.mean(), y - y.mean()
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return float(np.sum((y - x * (x @ y)) ** 2))


def _identifiers(tasks: LoadedTasks) -> Iterator[Noticed]:
    """Integers that differ in every row and fill their range: a number of the row."""
    x = np.concatenate(tasks.covariates)
    for name, column in zip(tasks.inputs, x.T, strict=True):
        whole = np.all(column == np.round(column))
        if len(column) < 20 or not whole or name.endswith("(days)"):
            continue
        distinct = len(np.unique(column))
        named = name.lower() == "id" or name.lower().endswith(("_id", " id"))
        full = distinct == np.ptp(column) + 1
        if distinct == len(column) and (full or named):
            yield Noticed(
                "identifier",
                name,
                f"{tasks.where}: column {name} is another whole number in every row, "
                f"like an identifier: leave it out with --drop {name}",
            )


def _outliers(tasks: LoadedTasks) -> Iterator[Noticed]:
    columns = [*tasks.inputs, tasks.label]
    per_task = [
        np.column_stack([x, y])
        for x, y in zip(tasks.covariates, tasks.labels, strict=True)
    ]
    whole = np.concatenate(per_task)
    places = np.concatenate(tasks.places())
    task = np.repeat(np.arange(tasks.count), [len(y) for y in tasks.labels])
    for index, name in enumerate(columns):
        column = whole[:, index]
        if name == tasks.label:
            # Labels have a level and a unit of each task's own.
            far = np.concatenate([_far(part[:, index]) for part in per_task])
        else:
            far = _far(column)
        if far.any():
            known = [v for v in PLACEHOLDERS if np.any(column[far] == v)]
            first = np.flatnonzero(far)[0]
            kind = "placeholder" if known else "outlier"
            said = (
                "far from all others, and often stands for a missing value: make it "
                "empty"
                if known
                else "far from all others: check it"
            )
            yield Noticed(
                kind,
                name,
                f"{tasks.where}, {tasks.unit} {_list(places[far])}, column {name}: "
                f"{column[first]:g} (task {tasks.names[task[first]]}) is {said}",
            )


def _far(values: Float[np.ndarray, " n"]) -> np.ndarray:
    away = np.abs(values - np.median(values))
    scale = np.median(away)
    known = np.isin(values, PLACEHOLDERS)
    if scale == 0:
        some = away[away > 0]
        scale = np.median(some) if len(some) else 0
        return away > FAR * scale if scale > 0 else np.zeros(len(values), bool)
    return (away > FAR * scale) | (known & (away > 20 * scale))


def _list(places: np.ndarray) -> str:
    told = ", ".join(str(place) for place in np.sort(places)[:4].tolist())
    return told + (f", ... ({len(places)})" if len(places) > 4 else "")


def _units(tasks: LoadedTasks) -> Iterator[Noticed]:
    """Columns, the label too, of which tasks differ in size as units do."""
    hint = "convert it, or use --standardise-labels"
    yield from _odd_units(tasks, tasks.label, tasks.labels, hint)
    for index, name in enumerate(tasks.inputs):
        own = [x[:, index] for x in tasks.covariates]
        yield from _odd_units(tasks, name, own, "convert it")


def _odd_units(
    tasks: LoadedTasks, name: str, values: Sequence[np.ndarray], hint: str
) -> Iterator[Noticed]:
    # A robust size: one cell must not make units of a task.
    sizes = np.array([_size(own) for own in values])
    known = sizes > 0
    if known.sum() < 2:
        return
    usual = np.median(sizes[known])
    odd = known & ((sizes > UNITS * usual) | (sizes < usual / UNITS))
    # Half of the tasks may have either unit.
    if not odd.any() and sizes[known].max() > UNITS * sizes[known].min():
        odd = known & (sizes > np.sqrt(sizes[known].max() * sizes[known].min()))
    if odd.any():
        names = ", ".join(np.array(tasks.names)[odd][:6])
        yield Noticed(
            "units",
            name,
            f"{tasks.where}: column {name} varies {UNITS} times more or less in "
            f"{names} than in other tasks, as if in other units: {hint}",
        )


def _size(y: Float[np.ndarray, " m"]) -> float:
    return float(np.median(np.abs(y - np.median(y))))
