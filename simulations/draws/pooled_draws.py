"""Measured risk of pooled fits, and of two tasks that share one way of fitting."""

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
METHODS = ("hard sharing", "heads, best ratio", "soft, best penalty")


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


class SharedPair(NamedTuple):
    """What a source and a target are drawn from, and how they share.

    `b_i = b_0 + N(0, (μ²/p) I)`, `b_0 ~ N(0, (κ²/p) I)`, Gaussian rows and noise. The
    target has covariance `I`.

    Args:
        spectrum: Of the source's covariance.
        shift: `μ²`.
        common: `κ²`.
        noise: Standard deviation `σ` of the labels' noise.
        n_1: Samples of the source, whole.
        n_2: Samples of the target, whole, at least `p`.
        ratio: `w ≥ 0` of the heads; it may be infinite.
        penalty: `λ > 0` of soft sharing; it may be infinite.
    """

    spectrum: Float[Array, " p"]
    shift: Float[Array, ""]
    common: Float[Array, ""]
    noise: Float[Array, ""]
    n_1: Float[Array, ""]
    n_2: Float[Array, ""]
    ratio: Float[Array, ""]
    penalty: Float[Array, ""]


@jax.jit
def shared_errors(
    keys: Key[Array, " n"], pair: SharedPair
) -> Float[Array, "n estimate"]:
    """Draw tasks and find `‖b̂ − b_2‖²` of the target alone and of each of `METHODS`.

    The methods are pooling, `b̂ = (w²S_1 + S_2)⁻¹(w g_1 + g_2)` and soft sharing.

    Args:
        keys: One a draw.
        pair: The same for all draws.

    Source: mathematics.md §3.
    """
    p = len(pair.spectrum)
    root = jnp.stack([jnp.diag(jnp.sqrt(pair.spectrum)), jnp.eye(p)])

    def one(key: Key[Array, ""]) -> Float[Array, " estimate"]:
        draw_key, parameter_key = jax.random.split(key)
        normal = jax.random.normal(parameter_key, (3, p)) / jnp.sqrt(p)
        own = jnp.sqrt(pair.shift) * normal[:2]
        b = jnp.sqrt(pair.common) * normal[2] + own
        sizes = jnp.stack([pair.n_1, pair.n_2])
        drawn = sample_statistics(draw_key, root, b, pair.noise, sizes)
        (source, target), (first, second) = drawn.gram, drawn.moment
        # W = λ(S_1 + λI)⁻¹, for an infinite λ too.
        shrink = jnp.linalg.inv(source / pair.penalty + jnp.eye(p))
        # An infinite ratio leaves the source's equations alone.
        w = jnp.where(jnp.isfinite(pair.ratio), pair.ratio, 1e9)
        scale = 1 / jnp.maximum(w, 1) ** 2
        systems = jnp.stack(
            [
                target,
                source + target,
                scale * (w**2 * source + target),
                target + shrink @ source,
            ]
        )
        sides = jnp.stack(
            [
                second,
                first + second,
                scale * (w * first + second),
                second + shrink @ first,
            ]
        )
        found = jnp.linalg.solve(systems, sides[..., None])[..., 0]
        return jnp.sum((found - b[1]) ** 2, axis=1)

    return jax.vmap(one)(keys)
