"""Matrices made of any numbers, without a factorisation: latents of instances."""

import jax.numpy as jnp
from jaxtyping import Array, Float

# Least eigenvalue of `definite`, and so its condition number: at most 51.
FLOOR = 0.02
# Against 0/0 alone: no square of a number that is drawn is as small.
NOTHING = 1e-100


def definite(free: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """`ZᵀZ/‖Z‖_F² + FLOOR · I`: definite for every `Z`, of eigenvalues up to 1.02.

    Source: derived here.
    """
    square = free.T @ free
    unit = square / (jnp.trace(square) + NOTHING)
    return unit + FLOOR * jnp.eye(len(free))


def rotation(free: Float[Array, "2 d"]) -> Float[Array, "d d"]:
    """Two reflections, `(I − 2uuᵀ/‖u‖²)(I − 2vvᵀ/‖v‖²)`: in `d = 3` any rotation.

    A vector of zeros stands for no reflection.

    Source: derived here.
    """
    first, second = (
        jnp.eye(free.shape[1]) - 2 * jnp.outer(v, v) / (v @ v + NOTHING) for v in free
    )
    return first @ second


def solved(
    matrix: Float[Array, "n n"], right: Float[Array, " n"]
) -> Float[Array, " n"]:
    """`(M + ρI)⁻¹v` with `ρ = 1e-12 tr M`: a number also where `M ⪰ 0` is singular.

    The least value of a square loss at this solution is above the least one by no
    more than `ρ²‖M⁻¹v‖²/λ_min(M)`, far below rounding.

    Source: derived here.
    """
    ridge = 1e-12 * jnp.trace(matrix) + NOTHING
    return jnp.linalg.solve(matrix + ridge * jnp.eye(len(matrix)), right)
