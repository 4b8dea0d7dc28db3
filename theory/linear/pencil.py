"""Two covariances brought to diagonal form together."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float

from theory.tasks import TaskStatistics


class Pencil(NamedTuple):
    """`TᵀG_1T = diag(λ)`, `TᵀG_2T = diag(μ)`, `p = Tᵀg_1`, `q = Tᵀg_2`.

    Here `G_i`, `g_i` carry the weights and are divided by `ρ_i`, `√ρ_i`, so that both
    tasks have one size whatever their weights and sample counts: only the ratio of
    the heads changes with it. `λ_j + μ_j = 1` on directions that a task sees; the
    others have `λ_j = μ_j = 0`. Where `λ_j = 0` also `p_j = 0`, and likewise `q_j`.
    """

    basis: Float[Array, "d d"]
    first: Float[Array, " d"]
    second: Float[Array, " d"]
    p: Float[Array, " d"]
    q: Float[Array, " d"]
    size: Float[Array, "2"]


class _Scaled(NamedTuple):
    gram: Float[Array, "2 d d"]
    moment: Float[Array, "2 d"]
    column: Float[Array, " d"]
    size: Float[Array, "2"]


def diagonalise(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    *,
    full_rank: bool | None = None,
) -> Pencil:
    """Diagonalise the two Gram matrices by one change of basis.

    Columns are scaled to unit norm first, so units do not matter. With `S` the sum
    of the scaled matrices, `S = LLᵀ` and `L⁻¹G_1L⁻ᵀ = VΛVᵀ` give `T = L⁻ᵀV`. A
    singular `S` is whitened on its range by a second eigendecomposition instead.

    Args:
        statistics: Two tasks.
        weights: `α_1`, `α_2`.
        full_rank: `True`: `S` is known to be definite (for sweeps: one
            eigendecomposition). `None`: found out.
    """
    scaled = _scale(statistics, weights)
    total = scaled.gram[0] + scaled.gram[1]
    factor = jnp.linalg.cholesky(total)
    if full_rank:
        return _finish(scaled, *_definite(scaled.gram, factor))
    # A pivot below √(dε) has lost half its digits: the sum is singular, or may be.
    d, eps = total.shape[0], jnp.finfo(total.dtype).eps
    definite = jnp.min(jnp.diag(factor)) > jnp.sqrt(64 * d * eps)  # False for NaN
    basis, first, kept = lax.cond(
        definite,
        lambda: _definite(scaled.gram, jnp.nan_to_num(factor, nan=1.0)),
        lambda: _semidefinite(scaled.gram),
    )
    return _finish(scaled, basis, first, kept)


def _scale(statistics: TaskStatistics, weights: Float[Array, "2"]) -> _Scaled:
    gram = weights[:, None, None] * statistics.gram
    moment = weights[:, None] * statistics.moment
    trace = jnp.trace(gram, axis1=1, axis2=2)
    size = jnp.where(trace > 0, trace, 1)
    gram, moment = gram / size[:, None, None], moment / jnp.sqrt(size)[:, None]
    diagonal = jnp.diag(gram[0] + gram[1])
    column = 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    return _Scaled(gram * column[:, None] * column, moment * column, column, size)


def _definite(
    gram: Float[Array, "2 d d"], factor: Float[Array, "d d"]
) -> tuple[Float[Array, "d d"], Float[Array, " d"], Bool[Array, " d"]]:
    half = solve_triangular(factor, gram[0], lower=True)
    whitened = solve_triangular(factor, half.T, lower=True)
    value, vector = jnp.linalg.eigh(whitened)
    basis = solve_triangular(factor, vector, lower=True, trans=1)
    return basis, value, jnp.ones(value.shape, bool)


def _semidefinite(
    gram: Float[Array, "2 d d"],
) -> tuple[Float[Array, "d d"], Float[Array, " d"], Bool[Array, " d"]]:
    size, vector = jnp.linalg.eigh(gram[0] + gram[1])
    d, eps = len(size), jnp.finfo(size.dtype).eps
    kept = size > 4 * d * eps * size[-1]
    root = jnp.where(kept, vector / jnp.sqrt(jnp.where(kept, size, 1)), 0)
    whitened = root.T @ gram[0] @ root
    # Eigenvalue −1 sets directions that no task sees apart from those of λ = 0.
    value, rotation = jnp.linalg.eigh(whitened - jnp.diag(jnp.where(kept, 0.0, 1.0)))
    return root @ rotation, value, value > -0.5


def _finish(
    scaled: _Scaled,
    basis: Float[Array, "d d"],
    first: Float[Array, " d"],
    kept: Bool[Array, " d"],
) -> Pencil:
    d, eps = len(first), jnp.finfo(first.dtype).eps
    # An eigenvalue of the whitened matrix is known to about dε, and its norm is ≤ 1.
    rounding = 4 * d * eps
    first = jnp.where(first > 1 - rounding, 1, jnp.where(first < rounding, 0, first))
    second = 1 - first
    moment = scaled.moment @ basis
    return Pencil(
        basis=scaled.column[:, None] * basis,
        first=jnp.where(kept, first, 0),
        second=jnp.where(kept, second, 0),
        p=jnp.where(kept & (first > 0), moment[0], 0),
        q=jnp.where(kept & (second > 0), moment[1], 0),
        size=scaled.size,
    )
