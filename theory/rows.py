"""What a task's rows must be, and the messages for rows that are not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.arguments import check_shape, refuse

# Sums of squares outside of these are refused: ratios of two and their squares, which
# the optima are made of, would leave the range of floats.
LEAST, MOST = 1e-100, 1e100


def task_label(index: int, names: Sequence[str] | None) -> str:
    """What a message calls task `index`."""
    if names is None or index >= len(names):
        return f"task {index}"
    return f"task {index} ({names[index]})"


def check_task(
    covariates: ArrayLike, labels: ArrayLike, label: str, dimension: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one task's rows as 64-bit arrays of the right shapes.

    Args:
        covariates: `X` (m x d).
        labels: `y` (m), or (m x 1).
        label: What a message calls the task.
        dimension: The other tasks' `d`, if there are any.

    Raises:
        ValueError: The arrays are not numbers, are empty, or do not fit.
    """
    x = _numbers(covariates, label, "covariates")
    y = _numbers(labels, label, "labels")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    check_shape(f"{label}: covariates", x, "m d", d=dimension)
    check_shape(f"{label}: labels", y, "m", m=len(x))
    return x, y


def finite_block(
    x: NDArray[np.float64], y: NDArray[np.float64], label: str, offset: int
) -> None:
    """Raise for the first value that is not finite, or whose square is not.

    Args:
        x: Rows.
        y: Their labels.
        label: What a message calls the task.
        offset: Rows of the task that came before these.
    """
    for field, values in (("covariates", x), ("labels", y)):
        with np.errstate(over="ignore", invalid="ignore"):
            bad = np.argwhere(~np.isfinite(values**2))
        if len(bad):
            row, *column = bad[0]
            value = values[tuple(bad[0])]
            where = f"row {row + offset}" + "".join(f", column {c}" for c in column)
            why = "is not finite" if not np.isfinite(value) else "is too large: rescale"
            raise ValueError(
                f"{label}: {field} has {value} at {where} ({len(bad)} such values); "
                f"it {why}" + ("; drop or impute it" if not np.isfinite(value) else "")
            )
    with np.errstate(over="ignore"):
        sums = np.append(np.sum(x**2, axis=0), np.sum(y**2))
    if not np.isfinite(sums).all():
        raise ValueError(
            f"{label}: covariates or labels overflow when squared and summed: rescale"
        )


def varied_labels(low: float, high: float, rows: int, label: str) -> None:
    """Raise for labels that are all equal; a single row may have any.

    Args:
        low: Least label of the task.
        high: Largest label.
        rows: Number of rows.
        label: What a message calls the task.
    """
    if rows > 1 and low == high:
        raise ValueError(
            f"{label}: labels are constant ({low:g} in all {rows} rows), so nothing "
            "can be learned from them; drop the task"
        )


def check_range(
    field: str, label: str, values: NDArray[np.floating] | float, unit: str
) -> None:
    """Refuse sums of squares that are not zero and not in `[LEAST, MOST]`.

    Raises:
        ValueError: The message names task, field and entry.
    """
    sums = np.asarray(values)
    bad = (sums != 0) & ~((sums >= LEAST) & (sums <= MOST))
    rule = f"0 or within [{LEAST:g}, {MOST:g}]"
    refuse(f"{label}: {field}", sums, bad, rule, f": rescale {unit}")


def vanished(field: str, label: str, unit: str) -> None:
    """Refuse entries that are not zero and have squares that are, in floats."""
    raise ValueError(
        f"{label}: {field} must be 0 or within [{LEAST:g}, {MOST:g}], got less than "
        f"{np.finfo(float).tiny:.3g} from entries that are not 0: rescale {unit}"
    )


def _numbers(values: ArrayLike, label: str, field: str) -> NDArray[np.float64]:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        masked = np.argwhere(np.ma.getmaskarray(values))
        place = ", ".join(
            f"{name} {at}"
            for name, at in zip(("row", "column"), masked[0], strict=False)
        )
        raise ValueError(
            f"{label}: {field} has a masked value at {place} ({len(masked)} such "
            "values); drop or impute it"
        )
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"dtype {array.dtype}")
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{label}: {field} is not an array of numbers: {error}") from (
            None
        )
