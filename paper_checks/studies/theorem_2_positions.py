"""Designs of Theorem 2 with given angle, conditions and noise."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from paper_checks.claims.theorem_2.pair import Design


class Quantities(NamedTuple):
    """What Theorem 2 knows of two tasks, and the noise that it does not know.

    `noise` is `σ_1/‖Σ_1^½θ_1‖`, and `noise_target` `‖ε_2‖/‖X_2θ_2‖`.
    """

    sine: Float[Array, "*n"]
    condition_target: Float[Array, "*n"]
    condition_source: Float[Array, "*n"]
    noise: Float[Array, "*n"]
    noise_target: Float[Array, "*n"]


def aligned(d: int, of: Quantities, key: PRNGKeyArray) -> Design:
    """A position that is hard on purpose.

    `θ_1` is the only strong direction of `Σ_1`, so that noise in all others turns it
    most. `X_2` is weak in one direction, which is at `cos = κ/√(1 + κ²)` to `θ_1`:
    there a turn changes the head most. `θ_2` is turned within this plane. The target's
    noise has a uniform direction.
    """
    size = jnp.sqrt(1 + of.condition_target**2)
    cosine, sine = of.condition_target / size, 1 / size
    turn = jnp.stack([jnp.stack([cosine, -sine]), jnp.stack([sine, cosine])])
    rotation = jnp.eye(d).at[:2, :2].set(turn)
    source = jnp.ones(d).at[0].set(jnp.sqrt(of.condition_source))
    target = jnp.full(d, of.condition_target).at[0].set(1.0)
    return _design(of, rotation, source, target, rotation.T[:2], key)


def random(d: int, of: Quantities, key: PRNGKeyArray) -> Design:
    """Singular values evenly spaced in their logarithm, all directions uniform."""
    turn_key, pair_key, noise_key = jax.random.split(key, 3)
    rotation = jnp.linalg.qr(jax.random.normal(turn_key, (d, d)))[0]
    pair = jnp.linalg.qr(jax.random.normal(pair_key, (d, 2)))[0].T
    share = jnp.linspace(0, 1, d)
    source = jnp.sqrt(of.condition_source) ** share
    target = of.condition_target**share
    return _design(of, rotation, source, target, pair, noise_key)


def _design(
    of: Quantities,
    rotation: Float[Array, "d d"],
    source: Float[Array, " d"],
    target: Float[Array, " d"],
    pair: Float[Array, "2 d"],
    key: PRNGKeyArray,
) -> Design:
    """`θ_1` along the first of an orthonormal pair, `θ_2` turned to the other.

    `‖Σ_1^½θ_1‖ = 1`, `‖X_2θ_2‖² = 4d`, and `c = κ(X_2) sin(θ_1, θ_2)`; `m_1` is 1.
    """
    d = len(source)
    first = pair[0] / jnp.linalg.norm((pair[0] @ rotation) * source)
    signal = 2 * jnp.sqrt(d)
    noise = jax.random.normal(key, (d,))
    design = Design(
        parameter=jnp.stack([first, first]),
        rotation=rotation,
        source=source,
        singular=target,
        noise_source=of.noise,
        noise_target=of.noise_target * signal * noise / jnp.linalg.norm(noise),
        unseen=jnp.asarray(0.0),
        samples=jnp.asarray(1.0),
        c=of.condition_target * of.sine,
    )
    return design.turned(pair[1], jnp.sqrt(1 - of.sine**2), of.sine, signal)
