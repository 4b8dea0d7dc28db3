"""Norms and directions of task gradients, the rows of a Jacobian."""

import jax.numpy as jnp
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_array


def check_gradients(gradients: ArrayLike) -> Float[Array, "k n"]:
    """Return the gradients `g_i` as floats, one a row."""
    return check_array("gradients", gradients, "k n")


def unit_rows(
    gradients: Float[Array, "k n"],
) -> tuple[Float[Array, "k n"], Float[Array, " k"]]:
    """Directions `g_i/‖g_i‖`, zero where `g_i = 0`, and the norms.

    Rows are divided by their largest entry first, so that no square leaves the range of
    the floats. The derivative at a gradient of zero is taken as zero.
    """
    largest = jnp.max(jnp.abs(gradients), axis=1)
    size = jnp.where(largest > 0, largest, 1)
    scaled = gradients / size[:, None]
    square = jnp.sum(scaled**2, axis=1)
    norm = jnp.sqrt(jnp.where(square > 0, square, 1))
    return scaled / norm[:, None], jnp.where(square > 0, size * norm, 0)


def weight_of_zeros(
    weights: Float[Array, " k"], norms: Float[Array, " k"]
) -> Float[Array, " k"]:
    """Share all weight among gradients of zero, if there are any.

    They are on the simplex, and their combination, zero, is the shortest of all.
    """
    zeros = norms == 0
    count = jnp.sum(zeros)
    return jnp.where(count > 0, zeros / jnp.maximum(count, 1), weights)
