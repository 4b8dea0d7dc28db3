"""Parameters of low rank: the trace norm."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.penalised.penalty import Norm, non_negative, over


class TraceNorm(Norm):
    """`R(W) = λ‖W‖_*`, the sum of singular values of the `d x k` parameters.

    Attributes:
        strength: `λ`, in units of `Σ_rows x y`.
        ridge: `ρ` of `(ρ/2)‖W‖²`.

    Raises:
        ValueError: A negative strength or ridge.

    Source: Pong, Tseng, Ji and Ye 2010; arXiv 1606.04038 for networks.
    """

    strength: Float[Array, "*n"] = eqx.field(converter=non_negative("strength"))
    ridge: Float[Array, "*n"] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """`λ Σ σ`."""
        return self.strength * jnp.sum(singular_values(parameters))

    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, ""]
    ) -> Float[Array, "k d"]:
        """Singular values shrink towards zero by `tλ`."""
        level = step * self.strength
        return on_singular_values(parameters, lambda z: jnp.maximum(z - level, 0))

    def polar(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """`‖V‖_op/λ`."""
        return over(singular_values(slope)[0], self.strength)

    def is_zero(self) -> Bool[Array, "*n"]:
        """Whether the strength is 0."""
        return self.strength == 0

    def at(self, strength: Any) -> "TraceNorm":
        """With another `λ`."""
        return TraceNorm(strength, self.ridge)


def singular_values(matrix: Float[Array, "k d"]) -> Float[Array, " n"]:
    """Singular values, the largest first."""
    return jnp.linalg.svd(matrix, compute_uv=False)


def on_singular_values(
    matrix: Float[Array, "k d"],
    function: Callable[[Float[Array, " n"]], Float[Array, " n"]],
) -> Float[Array, "k d"]:
    """The matrix with other singular values.

    An eigendecomposition of `WᵀW` would cost less and lose half the digits of those
    that are small.
    """
    left, size, right = jnp.linalg.svd(matrix, full_matrices=False)
    return (left * function(size)) @ right
