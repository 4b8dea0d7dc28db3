"""The gain of pooling by leaving out each row of the target, whatever its noise."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from simulations.advice.centred import Rows

# Of the mean diagonal: columns of zeros become solvable, and nothing else changes.
RIDGE = 1e-9
# A row of leverage 1 fits itself: without it there is no solution to predict it by.
SPARE = 1e-3


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
