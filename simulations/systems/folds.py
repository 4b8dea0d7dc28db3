"""Folds of the rows of tasks, as statistics that add up."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.arguments import check_integer
from theory.linear.loss import task_losses
from theory.tasks import Tasks, TaskStatistics


class Fold(NamedTuple):
    """Statistics of some rows of every task, around means of `X` (k x d) and `y` (k).

    The means are zeros where no intercept is fitted. A task may have no rows in it.
    """

    statistics: TaskStatistics
    means: NDArray[np.float64]
    levels: NDArray[np.float64]

    def error(self, coef: NDArray, intercept: NDArray) -> float:
        """Return the mean squared error over the rows of all tasks.

        Around the fold's means it is the loss of the statistics, and
        `m_i(x̄_iᵀw_i + b_i − ȳ_i)²` beside it, for each task.
        """
        count = np.asarray(self.statistics.samples)
        away = np.sum(self.means * coef, axis=1) + intercept - self.levels
        losses = np.asarray(task_losses(self.statistics, jnp.asarray(coef)))
        return float(np.sum(losses + count * away**2) / np.sum(count))


def folded(
    covariates: Sequence[ArrayLike],
    labels: Sequence[ArrayLike],
    folds: int,
    *,
    centre: bool,
    seed: int = 0,
) -> list[Fold]:
    """Fold the rows of every task into statistics, each row once.

    Args:
        covariates: `X_i`, one per task.
        labels: `y_i`, one per task.
        folds: How many.
        centre: Take means off, for intercepts.
        seed: Of the random assignment of rows.

    Raises:
        ValueError: As `TaskStatistics.from_data`, a task with one row, or more folds
            than the largest task has rows.
    """
    tasks = Tasks.from_data(covariates, labels)
    counts = np.asarray(tasks.mask).sum(axis=1)
    for task in np.flatnonzero(counts < 2):
        raise ValueError(
            f"task {task}: cross-validation needs at least 2 rows, got {counts[task]}"
        )
    check_integer("folds", folds, 2, int(counts.max()))
    rng = np.random.default_rng(seed)
    # A random start for each task: small ones do not all miss the same folds.
    parts = [(rng.permutation(n) + rng.integers(folds)) % folds for n in counts]
    x, y = np.asarray(tasks.covariates), np.asarray(tasks.labels)
    return [
        _stacked(
            [
                _fold(
                    x[i, : len(part)][part == fold],
                    y[i, : len(part)][part == fold],
                    centre,
                )
                for i, part in enumerate(parts)
            ]
        )
        for fold in range(folds)
    ]


def union(folds: Sequence[Fold]) -> Fold:
    """Return the statistics of the rows of several folds: sums, nothing subtracted.

    With `D_f = √m_f (x̄_f − x̄)` the centred Gram matrix is `Σ_f (G_f + D_fD_fᵀ)`, and
    likewise for the labels (Chan, Golub and LeVeque 1979).
    """
    counts = np.stack([fold.statistics.samples for fold in folds])
    share = counts / counts.sum(axis=0)
    means = np.einsum("fk,fkd->kd", share, np.stack([fold.means for fold in folds]))
    levels = np.einsum("fk,fk->k", share, np.stack([fold.levels for fold in folds]))
    gram, moment, energy = (
        np.sum([np.asarray(getattr(fold.statistics, field)) for fold in folds], axis=0)
        for field in ("gram", "moment", "energy")
    )
    for fold, count in zip(folds, counts, strict=True):
        x, y = fold.means - means, fold.levels - levels
        gram = gram + np.einsum("k,kd,ke->kde", count, x, x)
        moment = moment + (count * y)[:, None] * x
        energy = energy + count * y**2
    parts = (gram, moment, energy, counts.sum(axis=0))
    return Fold(TaskStatistics(*map(jnp.asarray, parts)), means, levels)


def _fold(x: NDArray, y: NDArray, centre: bool) -> tuple:
    used = centre and len(y) > 0
    mean, level = (x.mean(axis=0), y.mean()) if used else (np.zeros(x.shape[1]), 0.0)
    x, y = x - mean, y - level
    return x.T @ x, x.T @ y, y @ y, float(len(y)), mean, level


def _stacked(tasks: Sequence[tuple]) -> Fold:
    *parts, means, levels = (np.stack(field) for field in zip(*tasks, strict=True))
    return Fold(TaskStatistics(*map(jnp.asarray, parts)), means, levels)
