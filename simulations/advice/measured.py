"""Gains measured on rows left out, as ratios of mean losses."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

# Told a step's name, and how much of how much is done.
Progress = Callable[[str, int, int], None]


class Measured(NamedTuple):
    """Gains source by target on rows left out, with standard errors, and error alone.

    `rows` counts the rows, or clusters of rows, of each target that were left out.
    """

    gain: Float[np.ndarray, "k k"]
    error: Float[np.ndarray, "k k"]
    alone: Float[np.ndarray, " k"]
    rows: Int[np.ndarray, " k"]

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return Student's interval over rows left out, at most 1."""
        half = stats.t.ppf((1 + confidence) / 2, self.rows - 1) * self.error
        return self.gain - half, np.minimum(self.gain + half, 1)


def ratio_gain(
    alone: Float[np.ndarray, " m"],
    pooled: Float[np.ndarray, " m"],
    clusters: Int[np.ndarray, " m"],
) -> tuple[float, float]:
    """Return `1 − mean(pooled)/mean(alone)` and its standard error over clusters.

    Args:
        alone: Losses of each row left out, of the task alone.
        pooled: Of the pair.
        clusters: Number of the cluster of each row.
    """
    kept = np.isfinite(alone) & np.isfinite(pooled)
    alone, pooled = alone[kept], pooled[kept]
    unit = np.sum(alone)
    if unit <= 0:
        return np.nan, np.nan
    gain = 1 - np.sum(pooled) / unit
    parts = (1 - gain) * alone - pooled
    sums = np.bincount(np.unique(clusters[kept], return_inverse=True)[1], parts)
    n = len(sums)
    if n < 2:
        return float(gain), np.nan
    return float(gain), float(np.sqrt(np.sum(sums**2) * n / (n - 1)) / unit)


def overlap(fold_of: list[Int[np.ndarray, " _"]]) -> float:
    """Return what training parts in common make of a standard error over `J` folds.

    `√(1 + J/(J − 1))`: the variance `1/J` of a mean of folds becomes `1/J + 1/(J − 1)`.

    Args:
        fold_of: The fold of every row.

    Source: Nadeau and Bengio (2003).
    """
    folds = len(np.unique(np.concatenate(fold_of)))
    return float(np.sqrt(1 + folds / (folds - 1)))
