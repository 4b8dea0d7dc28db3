"""Roots of piecewise linear functions, which projections and boxes come down to."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float


def root(
    function: Callable[[Float[Array, "n ..."]], Float[Array, "n ..."]],
    knots: Float[Array, "n ..."],
    level: Float[Array, "..."],
) -> Float[Array, "..."]:
    """The point where a rising function, linear between its knots, has this level.

    Exact up to rounding: all knots are tried, and the piece is solved. Below the first
    knot and above the last one, these are returned. Every trailing axis is a problem
    of its own; the function takes an array of points for each.
    """
    knots = jnp.sort(knots, axis=0)
    values = function(knots)
    below = jnp.sum(values < level, axis=0)
    high = jnp.clip(below, 0, len(knots) - 1)[None]
    low = jnp.clip(below - 1, 0, len(knots) - 1)[None]
    ends = [
        jnp.take_along_axis(a, i, 0)[0] for a in (knots, values) for i in (low, high)
    ]
    left, right, bottom, top = ends
    rise = jnp.where(top > bottom, top - bottom, 1)
    share = jnp.clip((level - bottom) / rise, 0, 1)
    return left + share * (right - left)


def within_ball(
    size: Float[Array, "k ..."], radius: Float[Array, "..."]
) -> Float[Array, "k ..."]:
    """Project `size ≥ 0` on the `ℓ1` ball: `(size − τ)₊` with the least `τ ≥ 0`.

    With sizes in falling order, `τ = max_l (Σ_{j ≤ l} s_j − radius)/l`. Source: Held,
    Wolfe and Crowder 1974.
    """
    falling = jnp.sort(size, axis=0)[::-1]
    count = jnp.arange(1, len(size) + 1, dtype=size.dtype)
    count = count.reshape((-1,) + (1,) * (size.ndim - 1))
    excess = (jnp.cumsum(falling, axis=0) - radius) / count
    return jnp.maximum(size - jnp.maximum(jnp.max(excess, axis=0), 0), 0)


def within_capped_ball(
    size: Float[Array, "k ..."], cap: Float[Array, "..."], radius: Float[Array, "..."]
) -> Float[Array, "k ..."]:
    """Project `size ≥ 0` on `{max ≤ cap, sum ≤ radius}`: `clip(size − τ, 0, cap)`.

    The sum falls with `τ` and is linear between the knots `s_j` and `s_j − cap`.
    """

    def reduced(tau: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        return -jnp.sum(jnp.clip(size[None] - tau[:, None], 0, cap), axis=1)

    knots = jnp.maximum(jnp.concatenate([size, size - cap, 0 * size[:1]]), 0)
    return jnp.clip(size - root(reduced, knots, -radius), 0, cap)
