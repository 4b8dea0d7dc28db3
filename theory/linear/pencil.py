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

    `T = diag(column) L⁻ᵀ V` is kept as its factors: it is only ever applied to vectors,
    and forming it would cost a third of the eigendecomposition.
    """

    column: Float[Array, " d"]
    factor: Float[Array, "d d"]
    rotation: Float[Array, "d d"]
    first: Float[Array, " d"]
    second: Float[Array, " d"]
    p: Float[Array, " d"]
    q: Float[Array, " d"]
    size: Float[Array, "2"]

    def to_data(self, vector: Float[Array, " d"]) -> Float[Array, " d"]:
        """`T v`: a direction of the pencil in the coordinates of the data."""
        turned = self.rotation @ vector
        return self.column * solve_triangular(self.factor, turned, lower=True, trans=1)

    def from_data(self, vector: Float[Array, " d"]) -> Float[Array, " d"]:
        """`Tᵀ v`: a moment of the data in the coordinates of the pencil."""
        return self.rotation.T @ solve_triangular(
            self.factor, self.column * vector, lower=True
        )


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
        return _finish(scaled, _definite(scaled.gram, factor))
    # A pivot below √(dε) has lost half its digits: the sum is singular, or may be.
    d, eps = total.shape[0], jnp.finfo(total.dtype).eps
    definite = jnp.min(jnp.diag(factor)) > jnp.sqrt(64 * d * eps)  # False for NaN
    parts = lax.cond(
        definite,
        lambda: _definite(scaled.gram, jnp.where(definite, factor, jnp.eye(d))),
        lambda: _semidefinite(scaled.gram),
    )
    return _finish(scaled, parts)


def _scale(statistics: TaskStatistics, weights: Float[Array, "2"]) -> _Scaled:
    gram = weights[:, None, None] * statistics.gram
    moment = weights[:, None] * statistics.moment
    trace = jnp.trace(gram, axis1=1, axis2=2)
    size = jnp.where(trace > 0, trace, 1)
    gram, moment = gram / size[:, None, None], moment / jnp.sqrt(size)[:, None]
    diagonal = jnp.diag(gram[0] + gram[1])
    column = 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    return _Scaled(gram * column[:, None] * column, moment * column, column, size)


class _Parts(NamedTuple):
    factor: Float[Array, "d d"]
    rotation: Float[Array, "d d"]
    value: Float[Array, " d"]
    kept: Bool[Array, " d"]


def _definite(gram: Float[Array, "2 d d"], factor: Float[Array, "d d"]) -> _Parts:
    half = solve_triangular(factor, gram[0], lower=True)
    whitened = solve_triangular(factor, half.T, lower=True)
    value, vector = jnp.linalg.eigh(whitened)
    return _Parts(factor, vector, value, jnp.ones(value.shape, bool))


def _semidefinite(gram: Float[Array, "2 d d"]) -> _Parts:
    size, vector = jnp.linalg.eigh(gram[0] + gram[1])
    d, eps = len(size), jnp.finfo(size.dtype).eps
    kept = size > 4 * d * eps * size[-1]
    root = jnp.where(kept, vector / jnp.sqrt(jnp.where(kept, size, 1)), 0)
    whitened = root.T @ gram[0] @ root
    # Eigenvalue −1 sets directions that no task sees apart from those of λ = 0.
    value, turn = jnp.linalg.eigh(whitened - jnp.diag(jnp.where(kept, 0.0, 1.0)))
    return _Parts(jnp.eye(d), root @ turn, value, value > -0.5)


def _finish(scaled: _Scaled, parts: _Parts) -> Pencil:
    d, eps = len(parts.value), jnp.finfo(parts.value.dtype).eps
    # An eigenvalue of the whitened matrix is known to about dε, and its norm is ≤ 1.
    rounding = 4 * d * eps
    first = jnp.where(parts.value > 1 - rounding, 1, parts.value)
    first = jnp.where(first < rounding, 0, first)
    second = 1 - first
    half = solve_triangular(parts.factor, scaled.moment.T, lower=True)
    moment = half.T @ parts.rotation
    return Pencil(
        column=scaled.column,
        factor=parts.factor,
        rotation=parts.rotation,
        first=jnp.where(parts.kept, first, 0),
        second=jnp.where(parts.kept, second, 0),
        p=jnp.where(parts.kept & (first > 0), moment[0], 0),
        q=jnp.where(parts.kept & (second > 0), moment[1], 0),
        size=scaled.size,
    )
