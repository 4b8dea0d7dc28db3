"""Tasks of a table with a column of tasks, or with several columns of labels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from pandas.api.types import is_numeric_dtype

from simulations.advice.encode import (
    TRUE,
    Encoded,
    are_dates,
    encode,
    number_of,
    text_of,
)
from simulations.advice.loaded import LoadedTasks, listed
from simulations.advice.reading import Cells, is_number

# More different texts than this make no classes.
CLASSES = 20


def tasks_of_frame(
    frame: pd.DataFrame,
    *,
    where: str,
    task_column: str | None,
    label_column: str | Sequence[str] | None = None,
    drop: Sequence[str] = (),
    groups: str | None = None,
) -> LoadedTasks:
    """Tasks of a frame in memory, as of a file.

    Args:
        frame: Rows of all tasks; its index is left out.
        where: What messages call it.
        task_column: As `load_tasks`.
        label_column: As `load_tasks`.
        drop: As `load_tasks`.
        groups: As `load_tasks`.

    Raises:
        ValueError: No such column, one task only, no input, or a value that cannot be
            read.
    """
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    if task_column is None and not several(label_column):
        raise ValueError(
            f"{where}: name the column of tasks (task=...); it has "
            f"{listed(list(frame))}"
        )
    cells = Cells(where, frame, np.arange(len(frame)), "row")
    return tasks_of_cells(cells, task_column, label_column, drop, groups)


def several(label_column: str | Sequence[str] | None) -> bool:
    """Whether these are several label columns."""
    return label_column is not None and len(_names(label_column)) > 1


def _names(label_column: str | Sequence[str]) -> list[str]:
    return [label_column] if isinstance(label_column, str) else list(label_column)


def tasks_of_cells(
    cells: Cells,
    task_column: str | None,
    label_column: str | Sequence[str] | None,
    drop: Sequence[str],
    groups: str | None,
) -> LoadedTasks:
    """Tasks of cells as read; arguments as `tasks_of_frame`."""
    frame, notes = cells.frame, list(cells.notes)
    labels = label_columns(cells, task_column, label_column, drop, groups)
    taken = {*labels, *drop, task_column, groups}
    x, inputs = _inputs(cells, [n for n in frame if n not in taken], notes)
    task = _task_names(cells, task_column)
    group = None if groups is None else frame[groups].astype(str).to_numpy()
    if len(labels) > 1:
        notes.append(f"labels {', '.join(labels)} are of the same rows, a task each")
        group = np.arange(len(frame)).astype(str) if group is None else group
    found: dict[str, list] = {"names": [], "x": [], "y": [], "rows": []}
    classes = _classes(cells, labels)
    for label in labels:
        y = _label(cells, label, classes, notes)
        for name in dict.fromkeys(task):
            kept = np.flatnonzero((task == name) & ~np.isnan(y))
            if len(kept) == 0:
                notes.append(f"task {name} has no {label} and is left out")
                continue
            found["names"].append(_task_title(name, label, task_column, labels))
            found["x"].append(_imputed(x, task == name)[kept])
            found["y"].append(y[kept])
            found["rows"].append(kept)
    _check_count(cells, task_column, task, found["names"])
    _note_gaps(x, inputs, notes)
    return LoadedTasks(
        names=tuple(found["names"]),
        inputs=tuple(inputs),
        label=", ".join(labels),
        covariates=tuple(found["x"]),
        labels=tuple(found["y"]),
        groups=None if group is None else tuple(group[rows] for rows in found["rows"]),
        notes=tuple(notes),
        where=cells.path,
        unit=cells.unit,
        rows=tuple(cells.lines[rows] for rows in found["rows"]),
        classes=classes,
    )


def _task_title(name: str, label: str, task: str | None, labels: list[str]) -> str:
    if task is None:
        return label
    return f"{name} {label}" if len(labels) > 1 else name


def label_columns(
    cells: Cells,
    task_column: str | None,
    label_column: str | Sequence[str] | None,
    drop: Sequence[str],
    groups: str | None,
) -> list[str]:
    """Columns of the labels, checked with all other names of columns."""
    known = list(cells.frame)
    for name in (task_column, groups, *drop, *_names(label_column or ())):
        if name is not None and name not in known:
            raise ValueError(
                f"{cells.path} has no column {name!r}; it has {listed(known)}"
            )
    rest = [n for n in known if n not in {task_column, groups, *drop}]
    if label_column is not None:
        labels = _names(label_column)
    else:
        npz = cells.path.lower().endswith(".npz")
        labels = ["y"] if npz else rest[-1:]
    for label in labels:
        if label in drop:
            raise ValueError(
                f"{cells.path}: {label} is the label column and cannot be dropped too"
            )
        if label in (task_column, groups):
            raise ValueError(
                f"{cells.path}: {label} cannot be both task and label column"
            )
    if not labels or not set(rest) - set(labels):
        raise ValueError(
            f"{cells.path} needs a column of labels and at least one of inputs, it has "
            f"{listed(known)}"
        )
    return labels


def _inputs(
    cells: Cells, names: Sequence[str], notes: list[str]
) -> tuple[Float[np.ndarray, "n d"], list[str]]:
    columns: dict[str, np.ndarray] = {}
    for name in names:
        found = encode(name, cells.frame[name], lambda row: _place(cells, row))
        columns |= found.columns
        notes.extend([found.note] if found.note else [])
    empty = [name for name, column in columns.items() if np.isnan(column).all()]
    if empty:
        notes.append(f"columns without a value are left out: {', '.join(empty)}")
    inputs = [name for name in columns if name not in empty]
    if not inputs:
        raise ValueError(f"{cells.path} has no inputs left: {'; '.join(notes)}")
    return np.stack([columns[name] for name in inputs], axis=1), inputs


def _classes(cells: Cells, labels: list[str]) -> tuple[str, ...]:
    """Names of classes, if every label column is text of which nothing is a number."""
    names: set[str] = set()
    for label in labels:
        column = cells.frame[label]
        if column.dtype.kind in "biufcmM" or is_numeric_dtype(column):
            return ()
        known = text_of(column)
        if known.empty or are_dates(known) or known.map(is_number).any():
            return ()
        if number_of(known) is not None and not known.str.lower().isin(TRUE).all():
            return ()
        names |= set(known)
    if len(names) > CLASSES:
        raise ValueError(
            f"{_first_text(cells, labels[0])}, one of {len(names)} in all: labels must "
            f"be numbers or at most {CLASSES} classes; name another label column"
        )
    return tuple(sorted(names))


def _first_text(cells: Cells, label: str) -> str:
    """Where the first label that is no number stands, and what it is."""
    known = text_of(cells.frame[label])
    row = next(iter(known.index[~known.map(is_number)]), known.index[0])
    return f"{_place(cells, row)}, column {label} has the text {known[row]!r}"


def _label(
    cells: Cells, label: str, classes: tuple[str, ...], notes: list[str]
) -> Float[np.ndarray, " n"]:
    if classes:
        known = text_of(cells.frame[label])
        y = np.full(len(cells.frame), np.nan)
        y[known.index.to_numpy()] = [classes.index(name) for name in known]
        found = Encoded({label: y}, "")
    else:
        found = encode(label, cells.frame[label], lambda row: _place(cells, row))
    if label not in found.columns or cells.frame[label].dtype.kind in "mM":
        raise ValueError(
            f"{_first_text(cells, label)}, and labels must be numbers or classes: "
            "mend it, leave it empty, or name another label column"
        )
    y = found.columns[label]
    notes.extend([f"label {found.note}"] if found.note else [])
    gaps = int(np.isnan(y).sum())
    if gaps == len(y):
        raise ValueError(f"{cells.path}: column {label} has no value")
    if gaps:
        notes.append(f"{gaps} rows without a {label} are left out")
    return y


def _task_names(cells: Cells, task_column: str | None) -> np.ndarray:
    if task_column is None:
        return np.full(len(cells.frame), "")
    column = cells.frame[task_column]
    values = column.to_numpy()
    if values.dtype.kind == "f" and not np.isnan(values).any():
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{cells.path}: column {task_column} has an infinite name")
        whole = np.all(values == np.round(values)) and np.all(np.abs(values) < 2**53)
        names = [str(int(v)) if whole else repr(float(v)) for v in values]
    else:
        missing = column.isna().to_numpy()
        names = [
            "" if gap else str(v).strip()
            for v, gap in zip(values, missing, strict=True)
        ]
    gaps = [i for i, name in enumerate(names) if not name]
    if gaps:
        raise ValueError(
            f"{_place(cells, gaps[0])}, column {task_column} is missing ({len(gaps)} "
            "such rows): name their task, or drop these rows"
        )
    return np.array(names, dtype=object)


def _check_count(
    cells: Cells, task_column: str | None, task: np.ndarray, names: list[str]
) -> None:
    if len(names) < 2:
        where = f"{cells.path}, column {task_column}" if task_column else cells.path
        raise ValueError(
            f"{where} has one task only ({str(task[0])!r} in all {len(task)} rows): "
            "advice is about two or more"
        )


def _imputed(x: Float[np.ndarray, "n d"], own: np.ndarray) -> np.ndarray:
    """Missing inputs as the mean of the task's rows, or of all if it has none."""
    gaps = np.isnan(x)
    if not gaps.any():
        return x

    def mean(rows: np.ndarray) -> np.ndarray:
        known = ~gaps[rows]
        count = known.sum(axis=0)
        total = np.where(known, x[rows], 0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    fill = mean(own)
    fill = np.where(np.isnan(fill), mean(np.ones(len(x), bool)), fill)
    return np.where(gaps, fill, x)


def _note_gaps(x: np.ndarray, inputs: Sequence[str], notes: list[str]) -> None:
    gaps = np.isnan(x).sum(axis=0)
    told = [f"{n} ({c})" for n, c in zip(inputs, gaps, strict=True) if c]
    if told:
        notes.append(
            "missing inputs are imputed by the mean of their task's rows: "
            + ", ".join(told)
        )


def _place(cells: Cells, row: int) -> str:
    return f"{cells.path}, {cells.unit} {cells.lines[row]}"
