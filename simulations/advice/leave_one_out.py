"""Centred rows of tasks, and how well each predicts another's left-out rows."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from theory.risk.row_scores import condition_columns, row_statistics
from theory.tasks import Tasks, TaskStatistics

# Of the mean diagonal: columns of zeros become solvable, and nothing else changes.
RIDGE = 1e-9
# A row of leverage 1 fits itself: without it there is no solution to predict it by.
SPARE = 1e-3
# Values of a column that differ by fewer units of rounding are equal.
CONSTANT = 4


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

    def orthogonal(self) -> tuple[TaskStatistics, Tasks]:
        """Statistics and rows in columns that are orthogonal over all tasks.

        Gains are the same in all coordinates, but nearly dependent columns lose
        digits in statistics (`theory.risk.row_scores.condition_columns`).
        """
        most, k = max(len(y) for y in self.labels), len(self.labels)
        x = np.zeros((k, most, self.covariates[0].shape[1]))
        y, mask = np.zeros((k, most)), np.zeros((k, most), bool)
        for index, label in enumerate(self.labels):
            x[index, : len(label)] = self.covariates[index]
            y[index, : len(label)], mask[index, : len(label)] = label, True
        samples = jnp.asarray(mask.sum(axis=1) - float(self.intercept))
        rows = Tasks(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask))
        rows = condition_columns(rows, samples)
        return row_statistics(rows, samples), rows


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
    # Rounding of the mean, or of sums such as 0.1 + 0.2, would leave a constant column
    # with a direction of its own.
    largest = np.max(np.abs(x), axis=0)
    constant = np.ptp(x, axis=0) <= CONSTANT * np.finfo(float).eps * largest
    return np.where(constant, 0, x - x.mean(axis=0))


class RowGains(NamedTuple):
    """Relative gains, source by target, and their standard errors over rows."""

    gain: Float[np.ndarray, "k k"]
    error: Float[np.ndarray, "k k"]


def leave_one_out_gains(rows: Rows) -> RowGains:
    """Gain of pooling every source with every target, from errors on rows left out.

    A least squares fit errs on a row that is left out by `r_j/(1 − h_j)`, with `r_j`
    its residual and `h_j` its leverage: `x_jᵀRx_j`, and `1/m` more with an intercept of
    the task's own. The gain is the difference of mean squares, alone less pooled, in
    units of the first. It is unbiased for training with one row less if rows are
    independent, be their noise of unequal size or their inputs heavy-tailed, where
    `theory.risk.gain_estimate`, which takes noise of one size, is not; where that holds
    it is the noisier of the two. The error is the standard error of the mean of the
    differences, which takes them as independent.

    Args:
        rows: Tasks, centred or not.

    Source: Allen (1974), PRESS.
    """
    gram = np.stack([x.T @ x for x in rows.covariates])
    moment = np.stack(
        [x.T @ y for x, y in zip(rows.covariates, rows.labels, strict=True)]
    )
    k, d = moment.shape
    gain, error = np.zeros((k, k)), np.zeros((k, k))
    for target, (x, y) in enumerate(zip(rows.covariates, rows.labels, strict=True)):
        # The target alone is the pair without its source.
        added = np.where(np.arange(k) == target, 0, 1)
        pair = gram[target] + added[:, None, None] * gram
        pair += RIDGE * np.trace(pair, axis1=1, axis2=2)[:, None, None] / d * np.eye(d)
        inverse = np.linalg.inv(pair)
        right = moment[target] + added[:, None] * moment
        fit = np.einsum("md,kde,ke->km", x, inverse, right, optimize=True)
        leverage = np.einsum("md,kde,me->km", x, inverse, x, optimize=True)
        leverage += 1 / len(y) if rows.intercept else 0
        square = ((y - fit) / np.maximum(1 - leverage, SPARE)) ** 2
        saved = square[target] - square
        unit = max(float(square[target].mean()), np.finfo(float).tiny)
        gain[:, target] = saved.mean(axis=1) / unit
        error[:, target] = saved.std(axis=1, ddof=1) / np.sqrt(len(y)) / unit
    return RowGains(gain, error)
