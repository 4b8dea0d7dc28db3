"""Tasks of one's own from a table with a task column, or from a file a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from simulations.advice.table import READERS, Table, header, read_table


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedTasks:
    """Rows of `k` tasks as read, in the data's own units."""

    names: tuple[str, ...]
    inputs: tuple[str, ...]
    label: str
    covariates: tuple[Float[np.ndarray, "_ d"], ...]
    labels: tuple[Float[np.ndarray, " _"], ...]

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return len(self.names)


def load_tasks(
    data: Path,
    *,
    task_column: str | None = None,
    label_column: str | None = None,
    drop: Sequence[str] = (),
) -> LoadedTasks:
    """Read a table with a task column, or a folder with a file a task.

    Args:
        data: A file, or a folder whose CSV, Parquet and NPZ files are a task each,
            called by the file's name. Other files in it are left alone.
        task_column: Column of a file that names the task of each row; text or numbers.
        label_column: Column of the labels; the last column if not given, `y` in NPZ.
        drop: Columns that are no inputs.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: As `read_table`; also no such column, one task only, files whose
            columns differ, or a task with constant labels.
    """
    if not data.exists():
        raise FileNotFoundError(f"no file or folder {data}")
    if data.is_dir():
        if task_column is not None:
            raise ValueError(
                f"{data} is a folder, and a task column is for one file: leave it out, "
                "each file is a task, or give one file"
            )
        return _from_folder(data, label_column, drop)
    # Before the rows: a column of names would be called a column of bad numbers.
    names = header(data)
    if task_column is None:
        known = f" (its columns are {_listed(names)})" if names else ""
        raise ValueError(
            f"{data} is one file: name the column that tells its tasks apart with "
            f"--task-column{known}, or give a folder with a file a task"
        )
    if names is not None:
        for name in (task_column, *drop, *([label_column] if label_column else [])):
            _require(data, names, name)
    table = read_table(data, text=task_column, drop=drop)
    _require(data, list(table.columns), task_column)
    return _from_table(table, task_column, label_column)


def _from_table(
    table: Table, task_column: str, label_column: str | None
) -> LoadedTasks:
    rest = [name for name in table.columns if name != task_column]
    label, inputs = _split(table, rest, label_column)
    own, first = np.unique(table.columns[task_column], return_index=True)
    if len(own) < 2:
        raise ValueError(
            f"{table.path}, column {task_column} has one task only "
            f"({str(own[0])!r} in all {table.rows} rows): advice is about two or more"
        )
    names = [str(own[index]) for index in np.argsort(first)]
    covariates, labels = [], []
    x = np.stack([table.columns[name] for name in inputs], axis=1)
    for name in names:
        rows = np.flatnonzero(table.columns[task_column] == name)
        covariates.append(x[rows])
        labels.append(table.columns[label][rows])
        at = f"{table.path}, from {table.unit} {table.lines[rows[0]]} on, task {name!r}"
        _check_labels(labels[-1], f"{at}: column {label}")
    return _tasks(names, inputs, label, covariates, labels)


def _from_folder(
    folder: Path, label_column: str | None, drop: Sequence[str]
) -> LoadedTasks:
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in READERS and not path.name.startswith(".")
    )
    if len(paths) < 2:
        raise ValueError(
            f"{folder} has {len(paths)} files of the kinds {', '.join(READERS)}: it "
            "needs two or more, a file a task"
        )
    stems = [path.stem for path in paths]
    for path in paths:
        if stems.count(path.stem) > 1:
            raise ValueError(
                f"{folder} has several files called {path.stem}: a task has one file"
            )
    covariates, labels = [], []
    first: tuple[str, list[str]] | None = None
    for path in paths:
        table = read_table(path, drop=drop)
        label, inputs = _split(table, list(table.columns), label_column)
        first = (label, inputs) if first is None else first
        if label != first[0] or set(inputs) != set(first[1]):
            raise ValueError(_disagreement(table, paths[0], first, label, inputs))
        covariates.append(np.stack([table.columns[n] for n in first[1]], axis=1))
        labels.append(table.columns[label])
        _check_labels(labels[-1], f"{path}: column {label}")
    assert first is not None
    return _tasks(stems, first[1], first[0], covariates, labels)


def _disagreement(
    table: Table, other: Path, first: tuple[str, list[str]], label: str, own: list[str]
) -> str:
    wanted, known = {*own, label}, {*first[1], first[0]}
    if wanted == known:
        return (
            f"{table.path} has the label in column {label} and {other} in {first[0]}: "
            "name it with --label-column"
        )
    return (
        f"{table.path} and {other} do not agree in their columns: only the first has "
        f"{sorted(wanted - known) or 'nothing'}, only the second "
        f"{sorted(known - wanted) or 'nothing'}; drop or add them"
    )


def _split(
    table: Table, names: list[str], label_column: str | None
) -> tuple[str, list[str]]:
    if label_column is not None:
        _require(table.path, list(table.columns), label_column)
    label = label_column
    if label is None and names:
        label = "y" if table.path.suffix.lower() == ".npz" else names[-1]
    inputs = [name for name in names if name != label]
    if label is None or not inputs:
        raise ValueError(
            f"{table.path} needs a column of labels and at least one of inputs, it has "
            f"{_listed(list(table.columns))}"
        )
    if label not in names:
        raise ValueError(f"{table.path}: {label} cannot be both task and label column")
    return label, inputs


def _require(path: Path, names: Sequence[str], name: str) -> None:
    if name not in names:
        raise ValueError(f"{path} has no column {name!r}; it has {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return shown + (f", ... ({len(names)})" if len(names) > 12 else "")


def _check_labels(labels: np.ndarray, where: str) -> None:
    if len(labels) > 1 and np.all(labels == labels[0]):
        raise ValueError(
            f"{where} is constant ({labels[0]:g} in all {len(labels)} rows): nothing "
            "can be learned from it; leave the task out"
        )


def _tasks(
    names: Sequence[str],
    inputs: Sequence[str],
    label: str,
    covariates: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
) -> LoadedTasks:
    return LoadedTasks(
        names=tuple(names),
        inputs=tuple(inputs),
        label=label,
        covariates=tuple(covariates),
        labels=tuple(labels),
    )
