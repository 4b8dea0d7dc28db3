"""Draws of χ², all entries of an array at once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Key

# Candidates for every entry in one pass: with two, one in 400 or fewer needs another.
CANDIDATES = 2


class _Draws(NamedTuple):
    key: Key[Array, ""]
    values: Float[Array, "*n"]
    missing: Bool[Array, "*n"]


def sample_chi_square(
    key: Key[Array, ""], freedom: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """Draw `χ²(freedom)`, independent entries; zero where `freedom ≤ 0`.

    By rejection: with `a = freedom/2`, raised by 1 where it is below 1, `δ = a − 1/3`,
    `x ~ N(0, 1)`, `u ~ U(0, 1)` and `v = (1 + x/√(9δ))³`, `δv` is a draw of `Γ(a)` if
    `v > 0` and `log u < x²/2 + δ − δv + δ log v`, which more than 95 of 100 are; what
    was raised is multiplied by `u^(1/a)` of another `u`, with `a` as it was.

    `jax.random.gamma` does the same one entry after another on a CPU, at several times
    the cost; here all entries are drawn in one pass, and those that are missing again.

    Source: Marsaglia and Tsang 2000.
    """
    some = freedom > 0
    shape = jnp.where(some, freedom, 2) / 2
    raised = shape < 1
    delta = jnp.where(raised, shape + 1, shape) - 1 / 3
    size = (CANDIDATES, *delta.shape)

    def again(state: _Draws) -> _Draws:
        key, normal_key, uniform_key = jax.random.split(state.key, 3)
        x = jax.random.normal(normal_key, size, delta.dtype)
        u = jax.random.uniform(uniform_key, (size[0] + 1, *delta.shape), delta.dtype)
        v = (1 + x / jnp.sqrt(9 * delta)) ** 3
        log_v = jnp.log(jnp.where(v > 0, v, 1))
        accepted = (v > 0) & (jnp.log(u[1:]) < x**2 / 2 + delta * (1 - v + log_v))
        first = jnp.take_along_axis(v, jnp.argmax(accepted, axis=0)[None], axis=0)[0]
        gamma = delta * first * jnp.where(raised, u[0] ** (1 / shape), 1)
        return _Draws(
            key=key,
            values=jnp.where(state.missing, 2 * gamma, state.values),
            missing=state.missing & ~jnp.any(accepted, axis=0),
        )

    start = again(_Draws(key, jnp.zeros_like(delta), some))
    return lax.while_loop(lambda state: jnp.any(state.missing), again, start).values
