"""Half squared spectral norms whose relation has eigenvalues in a box."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.penalised.knots import root

Number = Float[Array, ""]


def box_value(
    size: Float[Array, " n"], low: Number, high: Number, trace: Number
) -> Number:
    """`½ min Σ_j σ_j²/θ_j` over `low ≤ θ_j ≤ high`, `Σ_j θ_j ≤ trace`.

    With a multiplier `1/(2ν²)` for the trace, `θ_j = clip(νσ_j, low, high)`; their sum
    rises with `ν`, linear between `low/σ_j` and `high/σ_j`, so `ν` is found exactly.
    """
    theta = box_eigenvalues(size, 0 * trace, low, high, trace)
    return jnp.sum(jnp.where(size > 0, size**2 / _positive(theta), 0)) / 2


def box_proximal(
    size: Float[Array, " n"], step: Number, low: Number, high: Number, trace: Number
) -> Float[Array, " n"]:
    """`argmin_x ½‖x − z‖² + t · box_value(x)`: `x_j = z_jθ_j/(θ_j + t)`.

    For given `θ` that is the minimiser, and what is left, `½Σ_j t z_j²/(θ_j + t)`, is
    least at `θ_j = clip(νz_j − t, low, high)`, by the same argument as the value.
    """
    theta = box_eigenvalues(size, step, low, high, trace)
    return size * theta / _positive(theta + step)


def box_conjugate(
    size: Float[Array, " n"], low: Number, high: Number, extra: Number
) -> Number:
    """`max ½ Σ_j θ_j s_j²` over the box: `low` everywhere, more for the largest.

    Args:
        size: `s_j`, in any order.
        low: Least eigenvalue.
        high: Largest eigenvalue.
        extra: What the trace leaves beyond `n · low`.
    """
    squares = jnp.sort(size**2)[::-1]
    rooms = jnp.clip(extra - (high - low) * jnp.arange(len(size)), 0, high - low)
    return (low * jnp.sum(squares) + jnp.sum(rooms * squares)) / 2


def box_eigenvalues(
    size: Float[Array, " n"], step: Number, low: Number, high: Number, trace: Number
) -> Float[Array, " n"]:
    """`θ_j = clip(νs_j − t, low, high)` with the sum `trace`, if they can have it."""

    def total(nu: Float[Array, " m"]) -> Float[Array, " m"]:
        return jnp.sum(jnp.clip(nu[:, None] * size - step, low, high), axis=1)

    ends = jnp.concatenate(
        [(low + step) / _positive(size), (high + step) / _positive(size)]
    )
    knots = jnp.where(jnp.tile(size > 0, 2), ends, 0)
    return jnp.clip(root(total, knots, trace) * size - step, low, high)


def _positive(values: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return jnp.where(values > 0, values, 1)
