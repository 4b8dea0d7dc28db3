"""Tasks whose solutions span few directions, and their covariances turned apart."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from theory.covariance import similarity_matrix
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


def turned_tasks(
    key: Key[Array, ""],
    condition: Float[Array, ""],
    angle: Float[Array, ""],
    *,
    tasks: int,
    dimension: int,
    samples: int,
    true_rank: int,
    deviation: float,
    noise: float,
) -> tuple[TaskStatistics, Float[Array, ""]]:
    """Draw tasks; also the normalised similarity of the first of them and the last.

    `y_i = X_iθ_i + σε_i` and `X_i = Z D U_iᵀQᵀ`. `Z` is standard normal and one for
    all tasks; `D` is geometric from 1 to `κ`, of trace `d`, and `Q` is
    Haar-distributed. `U_i` turns the planes (j, d − 1 − j) by `i/(k − 1)` of the angle.

    Args:
        key: Of the draw; it is split into five, of which the last one is not used.
        condition: `κ`.
        angle: Of the last task, in radians.
        tasks: `k ≥ 2`.
        dimension: `d ≥ 2`.
        samples: Rows `m` of each task.
        true_rank: Of the common part of the parameters.
        deviation: Of `low_rank_parameters`.
        noise: `σ`.
    """
    k, d, m = tasks, dimension, samples
    size = condition ** (jnp.arange(d) / (d - 1))
    size = size * jnp.sqrt(d / jnp.sum(size**2))
    turns = jax.vmap(partial(_turn, d))(angle * jnp.arange(k) / (k - 1))
    task_key, row_key, turn_key, label_key, _ = jax.random.split(key, 5)
    theta = low_rank_parameters(task_key, k, d, true_rank, deviation)
    rows = jax.random.normal(row_key, (m, d)) * size
    to_data = jax.random.orthogonal(turn_key, d) @ turns
    x = jnp.einsum("me,kde->kmd", rows, to_data)
    clean = jnp.einsum("kmd,kd->km", x, theta)
    y = clean + noise * jax.random.normal(label_key, (k, m))
    # From one ZᵀZ, so that equal turns give equal matrices to the last bit.
    gram = jnp.einsum("kde,ef,kcf->kdc", to_data, rows.T @ rows, to_data)
    found = TaskStatistics(
        gram=(gram + jnp.swapaxes(gram, 1, 2)) / 2,
        moment=jnp.einsum("kmd,km->kd", x, y),
        energy=jnp.sum(y**2, axis=1),
        samples=jnp.full(k, float(m)),
    )
    score = similarity_matrix(found.gram[jnp.array([0, -1])])
    return found, score[0, 1] / jnp.sqrt(score[0, 0] * score[1, 1])


def _turn(dimension: int, angle: Float[Array, ""]) -> Float[Array, "d d"]:
    """Planes (j, d − 1 − j) turned by an angle."""
    one = jnp.arange(dimension // 2)
    two = dimension - 1 - one
    c, s = jnp.cos(angle), jnp.sin(angle)
    turn = jnp.eye(dimension).at[one, one].set(c).at[two, two].set(c)
    return turn.at[two, one].set(s).at[one, two].set(-s)
