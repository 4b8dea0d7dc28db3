"""The inverse of a sample covariance, or the news that it has none."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


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
