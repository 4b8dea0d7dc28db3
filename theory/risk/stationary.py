"""The derivative of the place where a function is least."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# value(place, arguments)
Smooth = Callable[[Any, Any], Float[Array, ""]]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def stationary_point(
    value: Smooth, place: Float[Array, "*n"], arguments: Any
) -> Float[Array, "*n"]:
    """`place` as it is, a minimum of `value(·, arguments)`, with its derivative.

    By the implicit function theorem, from `∇value = 0`,

        d place = −(∇²value)⁻¹ ∂∇value/∂arguments · d arguments,

    and 0 where the Hessian `∇²value` is not positive definite: there the minimum is
    not one point. What `place` was found by is not differentiated.

    Args:
        value: Smooth near `place`. It must not close over traced arrays.
        place: A number or a vector, found beforehand. That it is a minimum is not
            checked.
        arguments: A pytree of floats on which `value` depends.

    Source: derived here.
    """
    del value, arguments
    return place


@stationary_point.defjvp
def _stationary_point_jvp(value: Smooth, primals: tuple, tangents: tuple) -> tuple:
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
