"""Tasks of frames and arrays in memory."""

from typing import Any

import numpy as np
import pandas as pd

from simulations.advice.loaded import LoadedTasks
from simulations.advice.split import tasks_of_frame
from theory.rows import check_task, finite_block, task_label


def tasks_of(data: Any, task: Any, label: Any, spec: Any) -> LoadedTasks:
    """Tasks of a frame, of arrays, or as they are.

    Args:
        data: A frame; an array of inputs (m x d); a list of such, one a task; or tasks.
        task: Column of the frame, or a name for each row.
        label: Column or columns of the frame, or labels as `data`.
        spec: `Advice`, for the columns to drop and of groups.

    Raises:
        ValueError: Arrays do not fit, or as `tasks_of_frame`.
    """
    if isinstance(data, LoadedTasks):
        for index, pair in enumerate(zip(data.covariates, data.labels, strict=True)):
            name = task_label(index, data.names)
            x, y = check_task(*pair, name, len(data.inputs))
            finite_block(x, y, name, 0)
        return data
    where = "the frame" if isinstance(data, pd.DataFrame) else "the arrays"
    task = spec.task_column if task is None else task
    label = spec.label_column if label is None else label
    if isinstance(data, list | tuple):
        data, task, label = _joined(data, label)
    if not isinstance(data, pd.DataFrame):
        data = _framed(data)
    data = data.copy()
    if not isinstance(task, str) and task is not None and np.ndim(task) == 1:
        data["task"], task = np.asarray(_checked("task", task, data)), "task"
    if label is not None and not isinstance(label, str) and _is_array(label, data):
        data["y"], label = _checked("label", label, data), "y"
    return tasks_of_frame(
        data,
        where=where,
        task_column=task,
        label_column=label,
        drop=spec.drop,
        groups=spec.groups,
    )


def _joined(inputs: Any, labels: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    if labels is None or len(labels) != len(inputs):
        raise ValueError(
            f"label must be a list of {len(inputs)} arrays, one a task as the inputs"
        )
    lengths = [len(x) for x in inputs]
    for index, (x, y) in enumerate(zip(inputs, labels, strict=True)):
        if len(x) != len(y):
            raise ValueError(f"task {index} has {len(x)} rows and {len(y)} labels")
    frames = [x if isinstance(x, pd.DataFrame) else _framed(x) for x in inputs]
    task = np.repeat([f"task {i}" for i in range(len(inputs))], lengths)
    whole = pd.concat(frames, ignore_index=True)
    return whole, task, np.ma.concatenate([np.ma.asarray(y) for y in labels])


def _framed(values: Any) -> pd.DataFrame:
    values = _filled(values)
    if values.ndim != 2:
        raise ValueError(f"inputs must be an array m x d, got shape {values.shape}")
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])


def _filled(values: Any) -> np.ndarray:
    """Masked entries are missing ones."""
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(float), np.nan)
    return np.asarray(values)


def _is_array(label: Any, data: pd.DataFrame) -> bool:
    return not (isinstance(label, list | tuple) and all(n in data for n in label))


def _checked(name: str, values: Any, data: pd.DataFrame) -> np.ndarray:
    values = _filled(values)
    if values.shape != (len(data),):
        raise ValueError(f"{name} must have one value a row, got shape {values.shape}")
    return values
