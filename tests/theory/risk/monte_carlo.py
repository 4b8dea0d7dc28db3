"""Mean risk by drawing rows, in plain numpy."""

from typing import NamedTuple

import numpy as np


class Measured(NamedTuple):
    """Means of the bias over `2μ²` and of the variance over `σ²`, and their errors."""

    mean: np.ndarray
    error: np.ndarray


def measure(
    rng: np.random.Generator,
    sizes: tuple[int, int],
    spectrum: np.ndarray,
    draws: int,
) -> Measured:
    """Draw Gaussian rows and invert; the mean over the parameters is taken exactly."""
    p = len(spectrum)
    first = rng.normal(size=(draws, sizes[0], p)) * np.sqrt(spectrum)
    second = rng.normal(size=(draws, sizes[1], p))
    source = np.swapaxes(first, 1, 2) @ first
    inverse = np.linalg.inv(source + np.swapaxes(second, 1, 2) @ second)
    bias = np.sum((inverse @ source) ** 2, axis=(1, 2)) / p
    values = np.stack([bias, np.trace(inverse, axis1=1, axis2=2)])
    return Measured(values.mean(axis=1), values.std(axis=1) / np.sqrt(draws))
