"""Risk by drawing rows, and the mean over labels by least squares, in plain numpy."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Measured(NamedTuple):
    """Means of bias and variance, and their standard errors."""

    mean: np.ndarray
    error: np.ndarray


def averaged(values: ArrayLike) -> Measured:
    """Of draws, one a row."""
    drawn = np.asarray(values)
    return Measured(drawn.mean(axis=0), drawn.std(axis=0) / np.sqrt(len(drawn)))


def measure(
    rng: np.random.Generator,
    sizes: tuple[int, int],
    spectrum: np.ndarray,
    draws: int,
) -> Measured:
    """Bias over `2μ²` and variance over `σ²` of two pooled tasks of Gaussian rows.

    The mean over the parameters is taken exactly.
    """
    p = len(spectrum)
    first = rng.normal(size=(draws, sizes[0], p)) * np.sqrt(spectrum)
    second = rng.normal(size=(draws, sizes[1], p))
    source = np.swapaxes(first, 1, 2) @ first
    inverse = np.linalg.inv(source + np.swapaxes(second, 1, 2) @ second)
    bias = np.sum((inverse @ source) ** 2, axis=(1, 2)) / p
    return averaged(np.stack([bias, np.trace(inverse, axis1=1, axis2=2)], axis=1))


def assert_limit(found: Any, small: Measured, large: Measured, spare: int) -> None:
    """The limit is what draws of one size and of twice that extrapolate to.

    The mean differs from its limit by c/p + O(1/p²): two sizes cancel c. What is left
    is smaller by about `1/(n − p)`, as for p/(n − p − 1) against p/(n − p).
    """
    mean = 2 * large.mean - small.mean
    room = 5 * np.hypot(2 * large.error, small.error)
    room += 2 * abs(small.mean - large.mean) / spare
    both = np.array([found.bias, found.variance])
    assert np.all(abs(both - mean) < room), (both, mean, room)


def assert_mean(found: Any, error: np.ndarray, sigma: np.ndarray) -> None:
    """The risk, and the bias, are those of drawn errors of an estimator (n x d)."""
    risk = np.einsum("nd,de,ne->n", error, sigma, error)
    assert abs(found.total - risk.mean()) < 5 * risk.std() / np.sqrt(len(risk))
    mean = error.mean(axis=0)
    spread = np.trace(sigma @ np.cov(error.T)) / len(error)
    # The square of a mean of n draws has an excess of spread, and an error of twice
    # the root of bias times spread.
    room = spread + 2 * np.sqrt(spread * found.bias)
    assert abs(mean @ sigma @ mean - found.bias) < 5 * room
