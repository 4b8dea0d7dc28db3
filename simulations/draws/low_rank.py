"""Tasks whose parameters are nearly of low rank, and rows that all tasks share."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from theory.tasks import TaskStatistics


def low_rank_parameters(
    key: Key[Array, ""], tasks: int, dimension: int, rank: int, deviation: float
) -> Float[Array, "k d"]:
    """Draw `θ_i = B a_i + τ w_i`, `B` orthonormal (d x rank) and Haar-distributed.

    `a_i ~ N(0, I/rank)` and `w_i ~ N(0, I/d)`, so that `E‖Ba_i‖² = 1` and
    `E‖τw_i‖² = τ²`.

    Args:
        key: Of the draw.
        tasks: `k`.
        dimension: `d`.
        rank: Of the common part.
        deviation: `τ ≥ 0`.
    """
    span_key, head_key, own_key = jax.random.split(key, 3)
    span = jnp.linalg.qr(jax.random.normal(span_key, (dimension, rank)))[0]
    heads = jax.random.normal(head_key, (tasks, rank)) / rank**0.5
    own = jax.random.normal(own_key, (tasks, dimension)) / dimension**0.5
    return heads @ span.T + deviation * own


def fold_common(x: Float[Array, "m d"], y: Float[Array, "k m"]) -> TaskStatistics:
    """Statistics of `k` label vectors on one `X`; the Gram matrix is formed once."""
    k, m = y.shape
    gram = x.T @ x
    return TaskStatistics(
        gram=jnp.broadcast_to(gram, (k, *gram.shape)),
        moment=y @ x,
        energy=jnp.sum(y**2, axis=1),
        samples=jnp.full(k, float(m), x.dtype),
    )
