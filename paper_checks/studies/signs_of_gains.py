"""What drawn samples say of the sign of a gain, as the source grows; `σ² = 1`."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from simulations.draws.pooled_draws import PooledDraws, pooled_draws
from theory.risk import crossings, phase_transition

# One dimension for all claims, so that one compiled program draws.
DIMENSION = 60
# Errors from zero beyond which a sign is settled: one in 3e4 would be wrong by chance.
SETTLED = 4.0


class Series(NamedTuple):
    """Draws at growing sizes of the source, for one target."""

    target: int
    sizes: Int[np.ndarray, " s"]
    draws: list[PooledDraws]

    def signs(self, shift: float) -> Int[np.ndarray, " s"]:
        """Settled signs of the gain at every size, at `μ² = shift`."""
        return np.array([settled_sign(one.gain(1.0, shift)) for one in self.draws])

    def break_even(self) -> Float[np.ndarray, " s"]:
        """Shifts at which the mean gain is zero, over those of the limit.

        With equal covariances the limiting gain is zero at `R/(2φ(U))`, where
        `φ(U) = 2cU² + (1 − 3c)U + c`, `U = n_1/(n_1 + n_2)` and `c = p/n_2`.

        Source: docs/mathematics.md, "Phase transition, equal covariances".
        """
        less = np.array([np.mean(one.alone - one.variance) for one in self.draws])
        found = less / [2 * np.mean(one.bias) for one in self.draws]
        c, u = DIMENSION / self.target, self.sizes / (self.sizes + self.target)
        level = 2 * c * u**2 + (1 - 3 * c) * u + c
        return found * 2 * level * (self.target - DIMENSION) / DIMENSION


def draws_over_sizes(
    seed: int,
    draws: int,
    spectrum: Float[np.ndarray, " p"],
    sizes: Sequence[int],
    samples_target: int,
) -> Series:
    """`pooled_draws` at each source size, on the same normals."""
    keys = jax.random.split(jax.random.key(seed), draws)
    values = jnp.asarray(spectrum)
    found = [pooled_draws(keys, values, n, samples_target) for n in sizes]
    return Series(samples_target, np.array(sizes), found)


def borders(target: int) -> list[float]:
    """Borders of the shift between the phases of sharing, for equal covariances."""
    found = phase_transition(target, DIMENSION, 1.0)
    return [float(border) for border in jax.tree.leaves(found)]


def shifts_inside(target: int) -> dict[int, float]:
    """A shift well inside every phase that is not empty, by the phase's number."""
    always, first, ever = borders(target)
    inside = {0: 0.7 * always, 1: (always * first) ** 0.5, 3: 1.4 * ever}
    # Nearer to the upper border, as few source rows hurt by little in all.
    third = {2: (first * ever**2) ** (1 / 3)} if ever > 1.02 * first else {}
    return inside | third


class Pair(NamedTuple):
    """Two tasks with shifts of parameters and of covariances.

    `level` is the risk of the target alone over `2μ²`, `σ²p/(2μ²(n_2 − p))`.
    """

    target: int
    level: float
    spectrum: Float[np.ndarray, " p"]

    @property
    def shift(self) -> float:
        """`μ²`."""
        return DIMENSION / (self.target - DIMENSION) / (2 * self.level)

    def crossings(
        self, spectrum: Float[np.ndarray, " p"] | None
    ) -> Float[np.ndarray, " m"]:
        """Crossings of the limiting risks; with `None`, of equal covariances."""
        sizes = self.target, DIMENSION, 1.0, self.shift
        found = crossings(*sizes, source_spectrum=spectrum, n_source_max=1e9)
        return np.asarray(found)

    def implied(
        self, sizes: Int[np.ndarray, " s"], places: Float[np.ndarray, " m"]
    ) -> Int[np.ndarray, " s"]:
        """Signs of the gain at these sizes if it changes at these places.

        For large `n_1` the bias is `2μ²`, so in the end sharing hurts if the risk of
        the target alone is below that.
        """
        beyond = np.sum(places[None, :] > sizes[:, None], axis=1)
        return (-1 if self.level < 1 else 1) * (-1) ** beyond


def between(places: Float[np.ndarray, " m"]) -> Int[np.ndarray, " s"]:
    """Whole sizes before, between and after the places, on a logarithmic scale."""
    ends = np.concatenate([[places[0] / 6], places, [6 * places[-1]]])
    middle = np.sqrt(ends[1:-2] * ends[2:-1])
    return np.maximum(np.round([ends[0], *middle, ends[-1]]), 1).astype(int)


# Found by random search for spectra whose risks are well apart between crossings, as
# far as drawn rows of this dimension can tell.
PAIRS = (
    Pair(77, 0.618872, np.repeat([8.502e-4, 3.016e-4, 13.7016], [24, 30, 6])),
    Pair(225, 0.645758, np.repeat([4.2826e-4, 2.087095], [54, 6])),
    Pair(79, 0.86569, np.repeat([1.4003e-4, 351.4798, 1.019644], [27, 9, 24])),
    Pair(168, 0.856511, np.repeat([9.29e-4, 61.28315, 0.184745], [27, 18, 15])),
)


def settled_sign(gains: Float[np.ndarray, " n"]) -> int:
    """Sign of the mean of draws, 0 within `SETTLED` standard errors of zero."""
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    mean = float(gains.mean())
    return int(np.sign(mean)) if abs(mean) > SETTLED * error else 0


def pattern(signs: Int[np.ndarray, " s"]) -> str:
    """Signs in a row, without repeats and without what is not settled: `+-+`."""
    told = ""
    for sign in signs:
        mark = {1: "+", -1: "-", 0: ""}[sign]
        told += "" if told.endswith(mark) else mark
    return told
