"""The least value of a smooth function of one variable on an interval."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

GRID = 1024
MINIMA = 4  # Minima of the grid that are refined, the least first.
STEPS = 55  # Bisections: they end at rounding.

Line = Callable[[Float[Array, " n"]], Float[Array, " n"]]


def least_on_line(
    value: Line, low: Float[Array, ""], high: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Where `value` is least in `[low, high]`, and how little it is.

    The function is taken on 1024 points. Around each of the four least of those that
    lie below both neighbours, a zero of the slope is found by bisection. The ends are
    compared too. Minima between grid points that none of these shows can be missed.
    Values may be infinite; a slope that is NaN leads on towards `high`.

    Args:
        value: Maps points to values, one by one.
        low: Left end.
        high: Right end.

    Source: derived here.
    """
    points = jnp.linspace(low, high, GRID)
    heights = value(points)
    padded = jnp.pad(heights, 1, constant_values=jnp.inf)
    dip = (heights <= padded[:-2]) & (heights <= padded[2:])
    _, at = lax.top_k(jnp.where(dip, -heights, -jnp.inf), MINIMA)
    left, right = points[jnp.maximum(at - 1, 0)], points[jnp.minimum(at + 1, GRID - 1)]

    def halve(_: Array, ends: tuple) -> tuple:
        middle = (ends[0] + ends[1]) / 2
        rises = jax.jvp(value, (middle,), (jnp.ones_like(middle),))[1] > 0
        return jnp.where(rises, ends[0], middle), jnp.where(rises, middle, ends[1])

    left, right = lax.fori_loop(0, STEPS, halve, (left, right))
    every = jnp.concatenate([left, points[at], points[:1], points[-1:]])
    found = value(every)
    # A refined point first: it is the least but for rounding.
    best = jnp.nanargmin(found)
    return every[best], found[best]
