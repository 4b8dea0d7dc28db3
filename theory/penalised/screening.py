"""Rows of the parameters that are proven to be zero at the optimum."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.penalised.duality import Judged, Problem
from theory.penalised.penalty import RowSparse


def inactive_rows(
    problem: Problem,
    penalty: RowSparse,
    judged: Judged,
    slope: Float[Array, "k d"],
    objective: Float[Array, ""],
) -> Bool[Array, " d"]:
    """Rows `j` with `W^j = 0` at every optimum, by a sphere around the dual point.

    `D` of `theory.penalised.duality` is 1-strongly concave in `u`, so the best `u*` is
    within `√(2 gap)` of `u = t(b − AW)`. Block `i` of `u* − u`, of norm `x_i`, moves
    `v_ij` by at most `(α_iG_i,jj + ρ)^½ x_i`, a column of `A` having that norm. Hence

        Ω°_j(V*) ≤ Ω°_j(tV) + ω_j √(2 gap),

    `ω_j` of `row_radius`, and where this is below 1 the row is zero.

    Args:
        problem: The tasks.
        penalty: `R` and `ρ`.
        judged: A point with the `t` and the bound that belong to it.
        slope: `V` at this point.
        objective: Any objective, the least known; the gap is from it to the bound.

    Source: Ndiaye, Fercoq, Gramfort and Salmon 2017 (gap-safe spheres); radii derived
    here.
    """
    diagonal = jnp.diagonal(problem.gram, axis1=1, axis2=2)
    curvature = problem.weights[:, None] * diagonal + penalty.ridge
    gap = jnp.maximum(objective - judged.bound, 0)
    reach = penalty.row_radius(curvature) * jnp.sqrt(2 * gap)
    return penalty.row_polar(judged.scale * slope) + reach < 1
