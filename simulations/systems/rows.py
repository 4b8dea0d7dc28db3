"""Rows of tasks, centred for intercepts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.tasks import Tasks


class Centred(NamedTuple):
    """Rows less the means of their task, and these: of `X` (k x d) and `y` (k)."""

    covariates: list[NDArray[np.float64]]
    labels: list[NDArray[np.float64]]
    means: NDArray[np.float64]
    levels: NDArray[np.float64]


def centred(covariates: Sequence[ArrayLike], labels: Sequence[ArrayLike]) -> Centred:
    """Return the rows of every task less their means.

    A column that is constant in a task becomes zero: rounding of its mean would
    otherwise be fitted as an input.

    Raises:
        ValueError: As `TaskStatistics.from_data`, for the rows as they are given.
    """
    tasks = Tasks.from_data(covariates, labels)
    padded = (tasks.covariates, tasks.labels, tasks.mask)
    x_all, y_all, masks = (np.asarray(part) for part in padded)
    x = [own[mask] for own, mask in zip(x_all, masks, strict=True)]
    y = [own[mask] for own, mask in zip(y_all, masks, strict=True)]
    means = np.stack([np.where(_constant(own), own[0], own.mean(axis=0)) for own in x])
    levels = np.array([own.mean() for own in y])
    return Centred(
        [own - mean for own, mean in zip(x, means, strict=True)],
        [own - level for own, level in zip(y, levels, strict=True)],
        means,
        levels,
    )


def _constant(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (rows == rows[0]).all(axis=0)
