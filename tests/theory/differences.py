"""Derivatives against central differences, along one change of all arguments."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree


def differences_agree(
    function: Callable[..., jax.Array],
    *points: tuple[Any, ...],
    step: float,
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    """Compare slopes along changes in proportion to the arguments, at random.

    Slopes of one number are taken backwards, of several forwards.

    Args:
        function: Of arrays, to one array.
        points: Its arguments; what is 0 is not changed.
        step: Of the difference: it leaves `h²` times third derivatives, and `ε/h`.
        rtol: Relative difference that they explain.
        atol: Absolute difference that they explain.
    """
    rng = np.random.default_rng(0)
    value = jax.jit(function)

    @jax.jit
    def along(point: tuple, change: tuple) -> jax.Array:
        if jax.eval_shape(function, *point).shape:
            return jax.jvp(function, point, change)[1]
        slopes = jax.grad(function, tuple(range(len(point))))(*point)
        return jnp.vdot(*(ravel_pytree(leaves)[0] for leaves in (slopes, change)))

    for arguments in points:
        point = tuple(jnp.asarray(one, float) for one in arguments)
        change = tuple(one * rng.normal(size=one.shape) for one in point)
        up, down = (
            value(*(one + by * move for one, move in zip(point, change, strict=True)))
            for by in (step, -step)
        )
        np.testing.assert_allclose(
            along(point, change), (up - down) / (2 * step), rtol=rtol, atol=atol
        )
