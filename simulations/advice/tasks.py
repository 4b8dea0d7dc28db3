"""Tasks of one's own from a table with a task column, or from a file a task."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from simulations.advice.loaded import LoadedTasks, listed
from simulations.advice.reading import READERS, Cells, read_cells, suffix_of
from simulations.advice.split import label_columns, several, tasks_of_cells


def load_tasks(
    data: Path,
    *,
    task_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    drop: Sequence[str] = (),
    groups: str | None = None,
) -> LoadedTasks:
    """Read a table with a task column, or a folder with a file a task.

    Args:
        data: A file, or a folder whose CSV, Parquet and NPZ files are a task each,
            called by the file's name. Other files in it are left alone.
        task_column: Column of a file that names the task of each row; text or numbers.
            Not needed with several label columns.
        label_column: Column of the labels; the last column if not given, `y` in NPZ.
            Several are a task each, on the same rows.
        drop: Columns that are no inputs.
        groups: Column that names rows that depend on each other; it is no input.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: As `read_cells` and `tasks_of_frame`; also files whose columns
            differ.
    """
    if not data.exists():
        raise FileNotFoundError(f"no file or folder {data}")
    if not data.is_dir():
        cells = read_cells(data)
        if task_column is None and not several(label_column):
            raise ValueError(
                f"{data} is one file: name the column that tells its tasks apart with "
                f"--task-column (its columns are {listed(list(cells.frame))}), or "
                "give a folder with a file a task"
            )
        return tasks_of_cells(cells, task_column, label_column, drop, groups)
    if task_column is not None:
        raise ValueError(
            f"{data} is a folder, and a task column is for one file: leave it out, "
            "each file is a task, or give one file"
        )
    return _from_folder(data, label_column, drop, groups)


def _from_folder(
    folder: Path,
    label_column: str | Sequence[str] | None,
    drop: Sequence[str],
    groups: str | None,
) -> LoadedTasks:
    paths = sorted(
        path
        for path in folder.iterdir()
        if suffix_of(path) in READERS[:2] + READERS[3:] and path.name[0] != "."
    )
    if len(paths) < 2:
        raise ValueError(
            f"{folder} has {len(paths)} files of the kinds {', '.join(READERS)}: it "
            "needs two or more, a file a task"
        )
    stems = [path.name.split(".")[0] for path in paths]
    for stem in stems:
        if stems.count(stem) > 1:
            raise ValueError(
                f"{folder} has several files called {stem}: a task has one file"
            )
    parts = [read_cells(path) for path in paths]
    labels = [label_columns(p, None, label_column, drop, groups) for p in parts]
    for part, own in zip(parts, labels, strict=True):
        if own != labels[0] or set(part.frame) != set(parts[0].frame):
            raise ValueError(_disagreement(part, parts[0], own, labels[0]))
    column = "file name"
    frames = [
        p.frame[list(parts[0].frame)].assign(**{column: stem})
        for p, stem in zip(parts, stems, strict=True)
    ]
    whole = Cells(
        str(folder),
        pd.concat(frames, ignore_index=True),
        np.concatenate([p.lines for p in parts]),
        parts[0].unit,
        list(dict.fromkeys(note for p in parts for note in p.notes)),
    )
    return tasks_of_cells(whole, column, labels[0], drop, groups)


def _disagreement(part: Cells, other: Cells, own: list[str], first: list[str]) -> str:
    here, there = set(part.frame), set(other.frame)
    if here == there:
        return (
            f"{part.path} has the label in column {own[0]} and {other.path} in "
            f"{first[0]}: name it with --label-column"
        )
    return (
        f"{part.path} and {other.path} do not agree in their columns: only the first "
        f"has {sorted(here - there) or 'nothing'}, only the second "
        f"{sorted(there - here) or 'nothing'}; drop or add them"
    )
