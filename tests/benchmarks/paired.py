"""Timing of several works side by side, for ratios on a machine that others use."""

import time
from collections.abc import Callable, Mapping

import jax
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Seconds = Float[np.ndarray, " rounds"]


def interleave(
    works: Mapping[str, Callable[[], object]], rounds: int, seed: int = 0
) -> dict[str, Seconds]:
    """Seconds of every work in every round, in a random order within each round.

    Each work runs once before, so compilation is not measured. Works of one round see
    about the same load of the machine: compare them within a round.
    """
    for work in works.values():
        jax.block_until_ready(work())
    rng, names = np.random.default_rng(seed), list(works)
    seconds = {name: np.zeros(rounds) for name in names}
    for turn in range(rounds):
        for place in rng.permutation(len(names)):
            name = names[place]
            seconds[name][turn] = seconds_of(works[name])
    return seconds


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds until the result is there; jax returns before it is."""
    start = time.perf_counter()
    jax.block_until_ready(work())
    return time.perf_counter() - start


def quartiles(values: NDArray[np.float64]) -> str:
    """`median [lower quartile, upper quartile]`."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def slope(
    abscissa: NDArray[np.float64], rows: Float[np.ndarray, "rounds n"]
) -> tuple[float, float]:
    """Mean of the rounds' least-squares slopes, and its standard error."""
    centred = abscissa - abscissa.mean()
    slopes = rows @ centred / (centred @ centred)
    return float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(len(slopes)))
