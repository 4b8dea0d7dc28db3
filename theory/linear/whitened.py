"""Tasks in coordinates in which their weighted covariances sum to the identity."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.linear.single_task import equilibrated_spectrum, single_task_optimum
from theory.tasks import TaskStatistics


class Whitened(NamedTuple):
    """`H_i = W α_iG_i Wᵀ`, `h_i = W α_ig_i`, `φ_i = W⁻ᵀ θ̂_i`, `Σ_i H_i = I`.

    Directions that no task sees have zero rows in `W` and zeros everywhere. A module
    `Φ` (d x r) in these coordinates is `B = WᵀΦ` in those of the data. `alone` has the
    `θ̂_i` in those of the data.
    """

    basis: Float[Array, "d d"]
    gram: Float[Array, "k d d"]
    moment: Float[Array, "k d"]
    solution: Float[Array, "k d"]
    residual: Float[Array, ""]
    alone: Float[Array, "k d"]


def whiten(statistics: TaskStatistics, weights: Float[Array, " k"]) -> Whitened:
    """Whiten by the weighted sum `Σ_i α_iG_i`; makes searches independent of units."""
    fixed, alpha = lax.stop_gradient((statistics, weights))
    gram = alpha[:, None, None] * fixed.gram
    spectrum = equilibrated_spectrum(jnp.sum(gram, axis=0))
    size = jnp.where(spectrum.seen, spectrum.value, 1)
    basis = jnp.where(spectrum.seen, 1 / jnp.sqrt(size), 0)[:, None]
    basis = basis * spectrum.vector.T * spectrum.scale
    solution = single_task_optimum(fixed)
    # W⁻ᵀθ = Λ^½ VᵀD⁻¹θ; empty columns have scale 0 and solution 0.
    unscaled = solution / jnp.where(spectrum.scale > 0, spectrum.scale, 1)
    back = jnp.where(spectrum.seen, jnp.sqrt(size), 0)[:, None] * spectrum.vector.T
    explained = jnp.sum(fixed.moment * solution, axis=1)
    return Whitened(
        basis=basis,
        gram=basis @ gram @ basis.T,
        moment=(alpha[:, None] * fixed.moment) @ basis.T,
        solution=unscaled @ back.T,
        residual=jnp.sum(alpha * (fixed.energy - explained)),
        alone=solution,
    )
