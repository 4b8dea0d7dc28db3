"""The units of a shared module, and their derivatives in a column of `B`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Kink(NamedTuple):
    """What a smoothed kink adds to the derivatives of a unit.

    `∂g/∂B` has the term `g_B B`, and

        ∂²g/∂B² = c_xx xxᵀ + c_xB(xBᵀ + Bxᵀ) + c_BB BBᵀ + g_B I.
    """

    radial: Float[Array, "r n"]
    rows: Float[Array, "r n"]
    cross: Float[Array, "r n"]
    column: Float[Array, "r n"]


class Unit(NamedTuple):
    """`g` at `z = xᵀB` for every row `x` and column `B`, with `∂g/∂B = g_z x + g_B B`.

    Without a smoothed kink `g_B` and the second derivative are zero.
    """

    value: Float[Array, "r n"]
    along: Float[Array, "r n"]
    kink: Kink | None = None


def linear_unit(units: Float[Array, "r n"]) -> Unit:
    """`g(z) = z`."""
    return Unit(units, jnp.ones_like(units))


def relu_unit(units: Float[Array, "r n"]) -> Unit:
    """`g(z) = max(z, 0)`, of slope 0 at the kink."""
    return Unit(jax.nn.relu(units), (units > 0).astype(units.dtype))


def smooth_relu_unit(
    units: Float[Array, "r n"],
    square: Float[Array, "r 1"],
    smoothing: Float[Array, "*draws"],
) -> Unit:
    """`g = (z + ρ)/2` with `ρ = √(z² + s²‖B‖²)`; zero for a column of zeros.

    `g_z = (1 + z/ρ)/2` and `g_B = s²/(2ρ)`. With `c = s²/(2ρ³)` the second derivative
    has `c_xx = c‖B‖²`, `c_xB = −cz` and `c_BB = −cs²`.
    """
    # A column of zeros is masked, and its unit must stay zero.
    some = square > 0
    squared = smoothing**2
    root = jnp.sqrt(units**2 + squared * jnp.where(some, square, 1))
    radial = jnp.where(some, squared / (2 * root), 0)
    bend = radial / root**2
    return Unit(
        jnp.where(some, (units + root) / 2, 0),
        jnp.where(some, (1 + units / root) / 2, 0),
        Kink(radial, bend * square, -bend * units, -bend * squared),
    )
