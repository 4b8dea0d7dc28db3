"""Minima of smooth functions, their derivatives, and the inverse of a Gram matrix."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

GRID = 1024
MINIMA = 4  # Minima of the grid that are refined, the least first.
BISECTIONS = 55  # They end at rounding.
NEWTON_STEPS = 200
# A Newton step of this size in every coordinate leaves an error of its square.
LAST = 3e-9
# No step is longer in any coordinate.
LONGEST = 4.0

Function = Callable[..., Any]


def least_on_line(
    value: Function, low: Float[Array, ""], high: Float[Array, ""]
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

    left, right = lax.fori_loop(0, BISECTIONS, halve, (left, right))
    every = jnp.concatenate([left, points[at], points[:1], points[-1:]])
    found = value(every)
    # A refined point first: it is the least but for rounding.
    best = jnp.nanargmin(found)
    return every[best], found[best]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def stationary_point(
    value: Function, place: Float[Array, "*n"], arguments: Any
) -> Float[Array, "*n"]:
    """`place` as it is, a minimum of `value(·, arguments)`, with its derivative.

    By the implicit function theorem, from `∇value = 0`,

        d place = −(∇²value)⁻¹ ∂∇value/∂arguments · d arguments,

    and 0 where the Hessian `∇²value` is not positive definite: there the minimum is
    not one point. What `place` was found by is not differentiated.

    Args:
        value: `value(place, arguments)`, smooth. It must not close over traced arrays.
        place: A number or a vector, found beforehand. That it is a minimum is not
            checked.
        arguments: A pytree of floats on which `value` depends.

    Source: derived here.
    """
    del value, arguments
    return place


@stationary_point.defjvp
def _stationary_point_jvp(value: Function, primals: tuple, tangents: tuple) -> tuple:
    place, arguments = primals
    point = stationary_point(value, place, arguments)
    slope = jax.grad(value)
    _, change = jax.jvp(lambda a: slope(point, a), (arguments,), (tangents[1],))
    hessian = jnp.atleast_2d(jax.hessian(value)(point, arguments))
    known = jnp.all(jnp.isfinite(hessian))
    curves = jnp.linalg.eigvalsh(jnp.where(known, hessian, -1.0))[0] > 0
    safe = jnp.where(curves, hessian, jnp.eye(len(hessian)))
    moved = -jnp.linalg.solve(safe, jnp.atleast_1d(change))
    return point, jnp.where(curves, moved, 0).reshape(point.shape)


def damped_newton(
    height: Function, slopes: Function, start: Float[Array, " k"]
) -> Float[Array, " k"]:
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
        lambda state: (state[0] < NEWTON_STEPS) & ~state[2], advance, state
    )
    return point


def symmetric_inverse(
    matrix: Float[Array, "d d"],
) -> tuple[Float[Array, "d d"], Bool[Array, ""]]:
    """The inverse of a symmetric matrix, and whether it has one; else that of I.

    The matrix is first scaled to a diagonal of ones, so that the columns' units do
    not decide whether it is singular.
    """
    d = matrix.shape[0]
    diagonal = jnp.diag(matrix)
    seen = jnp.all(diagonal > 0)
    scale = 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    scaled = matrix * scale[:, None] * scale
    values = jnp.linalg.eigvalsh(jax.lax.stop_gradient(scaled))
    # As in theory.linear.single_task: below 4 d ε an eigenvalue is rounding.
    regular = seen & (values[0] > 4 * d * jnp.finfo(matrix.dtype).eps * values[-1])
    inverse = jnp.linalg.inv(jnp.where(regular, scaled, jnp.eye(d)))
    return inverse * scale[:, None] * scale, regular
