"""A relation of the tasks that is learnt: half the squared trace norm."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.penalised.boxes import box_proximal
from theory.penalised.penalty import HalfSquared, non_negative, over
from theory.penalised.trace_norm import on_singular_values, singular_values


class SquaredTraceNorm(HalfSquared):
    """`R(W) = (λ/2)‖W‖_*²`, the least over relations or features that are learnt.

        (λ/2)‖W‖_*² = min_Ω (λ/2) tr(WΩ⁻¹Wᵀ) = min_D (λ/2) tr(WᵀD⁻¹W)

    over positive semidefinite `Ω` (k x k) and `D` (d x d) of trace 1, attained at
    `(WᵀW)^½` and `(WWᵀ)^½` over their traces: with the eigenvalues `θ` of either it is
    `(λ/2)Σσ²/θ`, least at `θ = σ/Σσ`. No inverse is formed, so a relation that is
    singular at the optimum, as it is, costs no digits.

    Attributes:
        strength: `λ`, in units of `Σ_rows x²`.
        ridge: `ρ` of `(ρ/2)‖W‖²`.

    Raises:
        ValueError: A negative strength or ridge.

    Source: Argyriou, Evgeniou and Pontil 2008 (D); Zhang and Yeung 2010 (Ω).
    """

    strength: Float[Array, "*n"] = eqx.field(converter=non_negative("strength"))
    ridge: Float[Array, "*n"] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """`(λ/2)(Σσ)²`."""
        return self.strength / 2 * jnp.sum(singular_values(parameters)) ** 2

    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, ""]
    ) -> Float[Array, "k d"]:
        """The box of `θ ≥ 0`, `Σθ ≤ 1`, with step `tλ`."""
        zero, one = jnp.zeros_like(step), jnp.ones_like(step)
        scaled = step * self.strength
        return on_singular_values(
            parameters, lambda z: box_proximal(z, scaled, zero, one, one)
        )

    def conjugate(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """`‖V‖_op²/(2λ)`."""
        return over(singular_values(slope)[0] ** 2 / 2, self.strength)

    def is_zero(self) -> Bool[Array, "*n"]:
        """Whether the strength is 0."""
        return self.strength == 0

    def at(self, strength: Any) -> "SquaredTraceNorm":
        """With another `λ`."""
        return SquaredTraceNorm(strength, self.ridge)
