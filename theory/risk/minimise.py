"""The minimum of a smooth convex function that grows in all directions."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

STEPS = 200
# A Newton step of this size in every coordinate leaves an error of its square.
LAST = 3e-9
# No step is longer in any coordinate.
LONGEST = 4.0

Point = Float[Array, " k"]


def damped_newton(
    height: Callable[[Point], Float[Array, ""]],
    slopes: Callable[[Point], tuple[Point, Float[Array, "k k"]]],
    start: Point,
) -> Point:
    """Where `height` is least, by Newton with bounded steps, halved while it rises.

    Args:
        height: Convex, with a positive definite Hessian.
        slopes: Its gradient and Hessian.
        start: Anywhere, but for the number of steps.

    Source: derived here.
    """

    def advance(state: tuple) -> tuple:
        step, point, _ = state
        gradient, hessian = slopes(point)
        move = -jnp.linalg.solve(hessian, gradient)
        size = jnp.max(jnp.abs(move))
        move = jnp.where(size > LONGEST, LONGEST / size, 1) * move
        before = height(point)
        slope = gradient @ move

        def too_long(factor: Array) -> Array:
            # Near the end the function is flat to rounding, and Newton needs no help.
            far = (size > 1e-3) & (factor > 1e-3)
            return far & (
                height(point + factor * move) > before + 1e-4 * factor * slope
            )

        factor = lax.while_loop(too_long, lambda f: f / 2, jnp.asarray(1.0))
        return step + 1, point + factor * move, size < LAST

    state = (0, start, jnp.asarray(False))
    _, point, _ = lax.while_loop(
        lambda state: (state[0] < STEPS) & ~state[2], advance, state
    )
    return point
