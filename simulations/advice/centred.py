"""Loaded tasks as statistics: an intercept a task, and units common to all tasks."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from theory.tasks import TaskStatistics


class Rows(NamedTuple):
    """Covariates and labels of every task, centred and scaled as asked for."""

    covariates: list[Float[np.ndarray, "_ d"]]
    labels: list[Float[np.ndarray, " _"]]
    intercept: bool

    def statistics(self) -> TaskStatistics:
        """Statistics with `samples = m_i − 1` where rows are centred.

        Centred rows are as good as `m_i − 1` (`theory.risk.estimates.task_estimates`).
        """
        pairs = list(zip(self.covariates, self.labels, strict=True))
        lost = 1 if self.intercept else 0
        return TaskStatistics(
            gram=jnp.asarray(np.stack([x.T @ x for x, _ in pairs])),
            moment=jnp.asarray(np.stack([x.T @ y for x, y in pairs])),
            energy=jnp.asarray(np.array([y @ y for _, y in pairs])),
            samples=jnp.asarray(np.array([float(len(y) - lost) for _, y in pairs])),
        )


def centred_rows(
    covariates: Sequence[Float[np.ndarray, "_ d"]],
    labels: Sequence[Float[np.ndarray, " _"]],
    *,
    intercept: bool = True,
    standardise: bool = True,
    standardise_labels: bool = False,
) -> Rows:
    """Centre each task by its own means, then scale.

    Pooling does not depend on the columns' units; the similarity of covariances does.
    The scale of a column is one for all tasks, the root mean square over all rows,
    after centring. Labels of tasks are pooled as they are, so they must have one unit,
    or be scaled to one by their own deviation.

    Args:
        covariates: `X_i`.
        labels: `y_i`.
        intercept: Give each task its own; otherwise rows are not centred.
        standardise: Scale columns.
        standardise_labels: Scale the labels of each task to a mean square of 1.
    """
    x = [_centred(one) if intercept else one for one in covariates]
    y = [_centred(one[:, None])[:, 0] if intercept else one for one in labels]
    if standardise:
        rows = sum(len(one) for one in x)
        square = np.sum([np.sum(one**2, axis=0) for one in x], axis=0) / rows
        scale = np.sqrt(np.where(square > 0, square, 1))
        x = [one / scale for one in x]
    if standardise_labels:
        size = [np.sqrt(np.mean(one**2)) for one in y]
        y = [one / (s if s > 0 else 1) for one, s in zip(y, size, strict=True)]
    return Rows(x, y, intercept)


def _centred(x: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "m n"]:
    # Rounding of the mean would leave a constant column with a direction of its own.
    constant = x.min(axis=0) == x.max(axis=0)
    return np.where(constant, 0, x - x.mean(axis=0))
