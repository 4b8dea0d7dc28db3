"""The scores of GLUE: accuracy, F1, Matthews' correlation and their average."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from paper_checks.data.glue import TASKS

Labels = Int[np.ndarray, " _"]


def accuracy(true: Labels, told: Labels) -> float:
    """Share of right answers."""
    _check(true, told)
    return float(np.mean(true == told))


def f1(true: Labels, told: Labels) -> float:
    """`2tp/(2tp + fp + fn)` of class 1; 0 where class 1 is neither there nor told."""
    _check(true, told)
    right = int(np.sum((true == 1) & (told == 1)))
    wrong = int(np.sum((true == 1) != (told == 1)))
    return 2 * right / (2 * right + wrong) if right or wrong else 0.0


def matthews(true: Labels, told: Labels) -> float:
    """Matthews' correlation; 0 where either side has one class only.

    (tp·tn − fp·fn)/√((tp+fp)(tp+fn)(tn+fp)(tn+fn)).
    """
    _check(true, told)
    here, said = true == 1, told == 1
    tp, tn = np.sum(here & said), np.sum(~here & ~said)
    fp, fn = np.sum(~here & said), np.sum(here & ~said)
    sides = [float(side) for side in (tp + fp, tp + fn, tn + fp, tn + fn)]
    if not all(sides):
        return 0.0
    return float(
        (float(tp) * float(tn) - float(fp) * float(fn)) / np.sqrt(np.prod(sides))
    )


METRICS = {"accuracy": accuracy, "f1": f1, "matthews": matthews}


def scores(task: str, true: Labels, told: Labels) -> dict[str, float]:
    """The metrics of a task, and `score`, their mean in percent: GLUE's entry."""
    found = {name: METRICS[name](true, told) for name in TASKS[task].metrics}
    return found | {"score": 100 * float(np.mean(list(found.values())))}


def glue_average(by_task: Mapping[str, float], tasks: Sequence[str]) -> float:
    """Mean of the scores of `tasks`.

    Raises:
        ValueError: A task has no score.
    """
    absent = [task for task in tasks if task not in by_task]
    if absent or not tasks:
        raise ValueError(f"no score of {', '.join(absent) or 'any task'}")
    return float(np.mean([by_task[task] for task in tasks]))


def _check(true: Labels, told: Labels) -> None:
    if true.shape != told.shape or not len(true):
        raise ValueError(
            f"labels and answers must be as many and not none, got {true.shape} and "
            f"{told.shape}"
        )
