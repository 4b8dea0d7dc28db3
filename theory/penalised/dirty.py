"""Parameters that are a row-sparse part and a sparse part: the dirty model."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.arguments import check_values
from theory.penalised.knots import within_capped_ball
from theory.penalised.penalty import RowSparse, non_negative, over


class Dirty(RowSparse):
    """`R(W) = min_{P + S = W} λ_B Σ_j ‖P^j‖_∞ + λ_S ‖S‖_1`.

    Given `u = ‖P^j‖_∞`, the best `P^j` clips row `W^j` at `u`, so that row costs
    `min_u λ_B u + λ_S Σ_i (|w_ji| − u)₊`: convex and linear between the `|w_ji|`, hence
    least at 0 or at one of them. `λ_S ≥ λ_B` leaves `S = 0` and `ℓ1/ℓ∞`, `kλ_S ≤ λ_B`
    leaves `P = 0` and `ℓ1`.

    Attributes:
        block: `λ_B`, in units of `Σ_rows x y`.
        own: `λ_S`, in the same.
        ridge: `ρ` of `(ρ/2)‖W‖²`, of the sum of both parts.

    Raises:
        ValueError: A negative strength or ridge.

    Source: Jalali, Ravikumar, Sanghavi and Ruan 2010; prox and polar derived here.
    """

    block: Float[Array, "*n"] = eqx.field(converter=non_negative("block"))
    own: Float[Array, "*n"] = eqx.field(converter=non_negative("own"))
    ridge: Float[Array, "*n"] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """The sum over rows of the least over `u ∈ {0, |w_j1|, .., |w_jk|}`."""
        size = jnp.abs(parameters)
        levels = jnp.concatenate([0 * size[:1], size])
        above = jnp.sum(jnp.maximum(size[None] - levels[:, None], 0), axis=1)
        return jnp.sum(jnp.min(self.block * levels + self.own * above, axis=0))

    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, "*d"]
    ) -> Float[Array, "k d"]:
        """Every row less its projection on `{‖·‖_∞ ≤ tλ_S, ‖·‖_1 ≤ tλ_B}` (Moreau)."""
        size = jnp.abs(parameters)
        taken = within_capped_ball(size, step * self.own, step * self.block)
        return jnp.sign(parameters) * (size - taken)

    def row_polar(self, slope: Float[Array, "k d"]) -> Float[Array, " d"]:
        """`max(‖V^j‖_∞/λ_S, ‖V^j‖_1/λ_B)`: a sum of norms has the larger polar."""
        size = jnp.abs(slope)
        entries = over(jnp.max(size, axis=0), self.own)
        return jnp.maximum(entries, over(jnp.sum(size, axis=0), self.block))

    def row_radius(self, curvature: Float[Array, "k d"]) -> Float[Array, " d"]:
        """`max(max_i c_ij^½/λ_S, (Σ_i c_ij)^½/λ_B)`."""
        entries = over(jnp.sqrt(jnp.max(curvature, axis=0)), self.own)
        rows = over(jnp.sqrt(jnp.sum(curvature, axis=0)), self.block)
        return jnp.maximum(entries, rows)

    def is_zero(self) -> Bool[Array, "*n"]:
        """Whether one of both strengths is 0, and its part free."""
        return (self.block == 0) | (self.own == 0)

    def at(self, strength: Any) -> "Dirty":
        """With another `λ_B`, and `λ_S` in the same ratio to it."""
        check_values("block", self.block, "finite and > 0")
        ratio = self.own / self.block
        return Dirty(strength, strength * ratio, self.ridge)
