"""Whose gradients a target's progress in a joint run comes from."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_weights
from theory.tasks import TaskStatistics
from theory.transference.linear import check_model, mean_losses


class Progress(NamedTuple):
    """Rates at which `log L_j` falls along the flow.

    `shared` is the part of each source's gradient of `B`, [source, target], and `own`
    the part of the target's own head.
    """

    shared: Float[Array, "k k"]
    own: Float[Array, " k"]


def progress(
    statistics: TaskStatistics,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    weights: ArrayLike | None = None,
) -> Progress:
    """Return how each source's gradient lowers each target's loss on the joint flow.

    On the gradient flow of `Σ_i α_iL_i` over `B` and all heads,

        −d(log L_j)/dt = Σ_i α_i⟨∇_BL_i, ∇_BL_j⟩/L_j + α_j‖∇_{a_j}L_j‖²/L_j,

    so that integrals of these terms add up to `log L_j(0) − log L_j(T)`: transferences
    into `j` share out `j`'s progress in the joint run, and do not compare it with
    training alone. Where `Σ_i α_i∇_BL_i = 0`, the shared terms of the others sum to
    `−α_j‖∇_BL_j‖²/L_j ≤ 0` for every target. NaN where `L_j` is zero or rounding.

    Args:
        statistics: The tasks.
        shared: `B`.
        heads: `a_j`, one a row.
        weights: `α_i`, ones if not given.

    Raises:
        ValueError: As `linear_transference`, or weights are refused.

    Source: derived here.
    """
    k = check_model(statistics, shared, heads)
    alpha = check_weights(weights, k, statistics.moment.dtype)
    point = mean_losses(statistics, heads @ shared.T)
    losses = jnp.where(point.losses > 0, point.losses, jnp.nan)
    inner = (point.slopes @ point.slopes.T) * (heads @ heads.T)
    own = jnp.sum((point.slopes @ shared) ** 2, axis=1)
    return Progress(alpha[:, None] * inner / losses, alpha * own / losses)
