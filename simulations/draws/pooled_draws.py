"""What two drawn samples make of the risk of pooling them, before any limit."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from simulations.engine.in_memory import map_chunks
from simulations.sampling import sample_statistics

# Draws that are held at once.
CHUNK = 32


class PooledDraws(NamedTuple):
    """Parts of the risk given the rows of each draw, `R = (S_1 + S_2)⁻¹`.

    `alone = tr S_2⁻¹` and `variance = tr R` are over `σ²`, `bias = ‖RS_1‖_F²/p` over
    `2μ²`. So one set of draws shows the gain at every noise and shift.
    """

    alone: Float[np.ndarray, " n"]
    variance: Float[np.ndarray, " n"]
    bias: Float[np.ndarray, " n"]

    def gain(self, noise_variance: float, shift_variance: float) -> np.ndarray:
        """`σ²(tr S_2⁻¹ − tr R) − 2μ²‖RS_1‖_F²/p`, one a draw."""
        less = noise_variance * (self.alone - self.variance)
        return less - 2 * shift_variance * self.bias


def pooled_draws(
    keys: Key[Array, " n"],
    spectrum: Float[Array, " p"],
    samples_source: int,
    samples_target: int,
) -> PooledDraws:
    """Draw `S_1` and `S_2`; labels and parameters are averaged over exactly.

    Gaussian rows of covariances `Σ_1` with eigenvalues `s_j` and `Σ_2 = I`, drawn as
    exact statistics. With `E‖b_1 − b_2‖² = 2μ²` in all directions alike and noise `σ²`
    the mean over labels and parameters given the rows is linear in both. No limit and
    no closed form of `theory` is used.

    Args:
        keys: One a draw.
        spectrum: `s_j > 0`.
        samples_source: `n_1 ≥ 1`, whole; it may be below `p`.
        samples_target: `n_2 > p`, whole.

    Source: mathematics.md §3, first lines.
    """
    root = jnp.stack([jnp.diag(jnp.sqrt(spectrum)), jnp.eye(len(spectrum))])
    sizes = jnp.asarray([samples_source, samples_target], float)
    parts = map_chunks(partial(_parts, root=root, sizes=sizes), keys, CHUNK)
    return PooledDraws(*map(np.asarray, parts))


@jax.jit
def _parts(
    keys: Key[Array, " n"], root: Float[Array, "2 p p"], sizes: Float[Array, "2"]
) -> tuple[Array, Array, Array]:
    p = root.shape[-1]

    def one(key: Array) -> tuple[Array, Array, Array]:
        drawn = sample_statistics(key, root, jnp.zeros((2, p)), 0.0, sizes)
        source, target = drawn.gram
        inverse = jnp.linalg.inv(jnp.stack([target, source + target]))
        alone, variance = jnp.trace(inverse, axis1=1, axis2=2)
        bias = jnp.sum((inverse[1] @ source) ** 2) / p
        return alone, variance, bias

    return jax.vmap(one)(keys)
