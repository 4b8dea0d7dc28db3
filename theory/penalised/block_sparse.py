"""Row-sparse parameters: `ℓ1/ℓq` block norms."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.arguments import check_choice
from theory.penalised.knots import within_ball
from theory.penalised.penalty import RowSparse, non_negative, over

POWERS = (1, 2, np.inf)


class BlockSparse(RowSparse):
    """`R(W) = λ Σ_j ‖W^j‖_q`, `W^j` the parameters of feature `j` in all tasks.

    `q = 1` is the lasso of every task, `q = 2` the group lasso, and `q = ∞` lets a
    feature be as large in all tasks as in one. Scikit-learn's `MultiTaskLasso` (q = 2)
    and `Lasso` divide the loss by `m`: `strength = m · alpha`.

    Attributes:
        strength: `λ`, in units of `Σ_rows x y`.
        power: `q`: 1, 2 or `numpy.inf`.
        ridge: `ρ` of `(ρ/2)‖W‖²`.

    Raises:
        ValueError: A negative strength or ridge, or another power.

    Source: Obozinski, Taskar and Jordan 2010; Negahban and Wainwright 2011.
    """

    strength: Float[Array, "*n"] = eqx.field(converter=non_negative("strength"))
    power: int | float = eqx.field(static=True, default=2)
    ridge: Float[Array, "*n"] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def __check_init__(self) -> None:
        check_choice("power", self.power, POWERS)

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """`λ Σ_j ‖W^j‖_q`."""
        return self.strength * jnp.sum(_norms(parameters, self.power))

    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, "*d"]
    ) -> Float[Array, "k d"]:
        """Every row less its projection on the dual ball of radius `tλ` (Moreau).

        For `q = 1` entries, for `q = 2` rows shrink towards zero by `tλ`; for `q = ∞`
        the ball is that of `ℓ1`.
        """
        size, level = jnp.abs(parameters), step * self.strength
        if self.power == 1:
            left = jnp.maximum(size - level, 0)
        elif self.power == 2:
            norm = _norms(parameters, 2)
            kept = jnp.maximum(norm - level, 0) / jnp.where(norm > 0, norm, 1)
            return parameters * kept
        else:
            left = size - within_ball(size, level)
        return jnp.sign(parameters) * left

    def row_polar(self, slope: Float[Array, "k d"]) -> Float[Array, " d"]:
        """`‖V^j‖_{q*}/λ` of each row, `1/q + 1/q* = 1`."""
        dual = {1: np.inf, 2: 2, np.inf: 1}[self.power]
        return over(_norms(slope, dual), self.strength)

    def row_radius(self, curvature: Float[Array, "k d"]) -> Float[Array, " d"]:
        """`max_i c_ij^½/λ`; for `q = ∞`, by Cauchy's inequality, `(Σ_i c_ij)^½/λ`."""
        gather = jnp.sum if self.power == np.inf else jnp.max
        return over(jnp.sqrt(gather(curvature, axis=0)), self.strength)

    def is_zero(self) -> Bool[Array, "*n"]:
        """Whether the strength is 0."""
        return self.strength == 0

    def at(self, strength: Any) -> "BlockSparse":
        """With another `λ`."""
        return BlockSparse(strength, self.power, self.ridge)


def _norms(array: Float[Array, "k d"], power: int | float) -> Float[Array, " d"]:
    """`‖·‖_q` of every column."""
    size = jnp.abs(array)
    if power == 1:
        return jnp.sum(size, axis=0)
    return jnp.sqrt(jnp.sum(size**2, axis=0)) if power == 2 else jnp.max(size, axis=0)
