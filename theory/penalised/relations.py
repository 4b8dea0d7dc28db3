"""Relations of tasks that are best for given parameters."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.penalised.boxes import box_eigenvalues
from theory.penalised.clustered import ClusteredPenalty


def trace_relation(parameters: Float[Array, "k d"]) -> Float[Array, "k k"]:
    """Return `Ω = (WᵀW)^½/tr (WᵀW)^½`, which minimises `tr(WΩ⁻¹Wᵀ)` at trace 1.

    All relations do at `W = 0`; it is `I/k` there. No difference is taken, so that
    small eigenvalues keep their digits.

    Args:
        parameters: `w_i`, one per row.

    Source: Zhang and Yeung 2010.
    """
    left, size, _ = jnp.linalg.svd(parameters, full_matrices=False)
    total, count = jnp.sum(size), len(parameters)
    known = (left * size) @ left.T / jnp.where(total > 0, total, 1)
    return jnp.where(total > 0, known, jnp.eye(count) / count)


def clustered_relation(
    penalty: ClusteredPenalty, parameters: Float[Array, "k d"]
) -> Float[Array, "k k"]:
    """Return `Σ` that minimises `tr(WΠΣ⁻¹ΠWᵀ)` over the set of the penalty.

    It has the left singular vectors of the deviations from the mean, and eigenvalues
    `clip(νσ, 1/ε_W, 1/ε_B)`. Where fewer directions than clusters are in use the trace
    is not used up.

    Args:
        penalty: The strengths and the number `r` of clusters.
        parameters: `w_i`, one per row.

    Source: Jacob, Bach and Vert 2008; derived here.
    """
    left, size, _ = jnp.linalg.svd(parameters - jnp.mean(parameters, axis=0))
    count, low, high = len(parameters), 1 / penalty.within, 1 / penalty.between
    trace = count * low + (penalty.clusters - 1) * (high - low)
    padded = jnp.pad(size, (0, count - len(size)))
    value = box_eigenvalues(padded, 0 * trace, low, high, trace)
    return (left * value) @ left.T
