"""The loss of the linear shared-module model, from statistics alone."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linear.single_task import minimum_norm_solution
from theory.tasks import TaskStatistics


def task_losses(
    statistics: TaskStatistics, parameters: Float[Array, "k d"]
) -> Float[Array, " k"]:
    """Squared loss of each task, `‖X_iθ_i − y_i‖² = e_i − 2 g_iᵀθ_i + θ_iᵀG_iθ_i`.

    Rounding leaves an error of about `ε e_i`, so a loss far below `ε e_i` is lost.
    """
    # Two steps: one einsum of three factors would form outer products first.
    curved = jnp.einsum("kde,ke->kd", statistics.gram, parameters)
    return statistics.energy + jnp.sum(
        parameters * (curved - 2 * statistics.moment), axis=1
    )


def loss(
    statistics: TaskStatistics,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    weights: Float[Array, " k"] | None = None,
) -> Float[Array, ""]:
    """Weighted loss of the shared-module model.

        f(A_1..A_k; B) = Σ_i α_i ‖X_i B A_i − y_i‖².

    Source: W eq 1 (α_i = 1), eq 2 and eq 3 (linear `g`).
    """
    losses = task_losses(statistics, heads @ shared.T)
    return jnp.sum(losses if weights is None else weights * losses)


def best_heads(
    statistics: TaskStatistics, shared: Float[Array, "d r"]
) -> Float[Array, "k r"]:
    """The heads that are best for a given module, `A_i = (BᵀG_iB)⁺ Bᵀg_i`.

    Directions that `X_i` does not see get no weight, so heads are of least norm.
    Source: normal equations of W eq 3 in `A_i`.
    """
    if shared.shape[1] == 1:
        return _scalar_heads(statistics, shared[:, 0])[:, None]
    seen = jnp.einsum("kde,er->kdr", statistics.gram, shared)
    small = jnp.einsum("dr,kds->krs", shared, seen)
    return jax.vmap(minimum_norm_solution)(small, statistics.moment @ shared)


def _scalar_heads(
    statistics: TaskStatistics, direction: Float[Array, " d"]
) -> Float[Array, " k"]:
    """`A_i = g_iᵀB / BᵀG_iB`, zero where `X_iB = 0`."""
    curvature = jnp.einsum("kde,e->kd", statistics.gram, direction) @ direction
    seen = curvature > 0
    return jnp.where(
        seen, statistics.moment @ direction / jnp.where(seen, curvature, 1), 0
    )
