"""Statistics that cannot be trained on, and the messages for them."""

import numpy as np

from simulations.training.ranges import check_range
from theory.tasks import TaskStatistics


def check_shapes(statistics: TaskStatistics, draws: int) -> None:
    """Refuse shapes that do not fit each other, or another number of axes of draws.

    Raises:
        ValueError: The message names the field.
    """
    shape = statistics.moment.shape
    *many, k, d = shape if len(shape) == draws + 2 else (0, 0)
    wanted = {"gram": (k, d, d), "moment": (k, d), "energy": (k,), "samples": (k,)}
    for field, one in wanted.items():
        found = getattr(statistics, field).shape
        if not (k and d) or found != (*many, *one):
            first = "an axis of draws, then " if draws else ""
            raise ValueError(
                f"{field} has shape {found}; statistics of k tasks need {first}gram "
                "(k, d, d), moment (k, d), energy (k,) and samples (k,)"
            )


def check_values(statistics: TaskStatistics) -> None:
    """Refuse values that are no statistics, or too large or small to train with.

    Raises:
        ValueError: The message names the task and the field.
    """
    fields = ("gram", "moment", "energy")
    gram, moment, energy = (np.asarray(getattr(statistics, f)) for f in fields)
    diagonal = np.diagonal(gram, axis1=-2, axis2=-1)
    axis = moment.ndim - 2
    for field, bad, why in (
        ("gram", ~np.isfinite(gram), "has a NaN or an infinity"),
        ("moment", ~np.isfinite(moment), "has a NaN or an infinity"),
        ("energy", ~np.isfinite(energy), "is not finite"),
        ("gram", diagonal < 0, "has a square XᵀX_jj below zero"),
        ("energy", energy < 0, "is below zero"),
    ):
        if bad.any():
            raise ValueError(f"task {np.argwhere(bad)[0][axis]}: {field} {why}")
    column, label = np.sqrt(diagonal), np.sqrt(energy)
    for name, size in (("column", column), ("labels", label)):
        task = size.argmax(axis=axis)

        def called(at: tuple[int, ...], name: str = name, task=task) -> str:
            which = f"column {at[-1]} of the covariates" if name == "column" else name
            return f"task {task[at]}: {which} (a root of the statistics)"

        check_range(size.max(axis=axis), moment.dtype, called)
