"""Squared errors of a target alone and with a source, shared in three ways."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from simulations.sampling import sample_statistics

METHODS = ("hard sharing", "heads, best ratio", "soft, best penalty")


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

    Source: docs/mathematics.md, "Scalar heads" and "Soft sharing".
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
