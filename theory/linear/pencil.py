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

    An error of relative size `κ = 4dε` in the scaled matrices changes `λ_j`, `μ_j` by
    up to `uncertainty_j = κ (1 + ‖t_j‖²)`, `t_j` the columns of `L⁻ᵀV`; above 1/8 it is
    `1/ε`, so that nothing is certified. A `λ_j` below
    `κ` counts as 0. Where the task's moment says otherwise, as when its columns are in
    far smaller units than the other's, that moment is kept in `hidden`; in all such
    directions task `i` explains at most `rest_i`.

    `T = diag(column) L⁻ᵀ V`; `turned` is `L⁻ᵀ V`.
    """

    column: Float[Array, " d"]
    turned: Float[Array, "d d"]
    first: Float[Array, " d"]
    second: Float[Array, " d"]
    p: Float[Array, " d"]
    q: Float[Array, " d"]
    size: Float[Array, "2"]
    uncertainty: Float[Array, " d"]
    hidden: Float[Array, "2 d"]
    rest: Float[Array, "2"]

    def to_data(self, vector: Float[Array, " d"]) -> Float[Array, " d"]:
        """`T v`: a direction of the pencil in the coordinates of the data."""
        return self.column * (self.turned @ vector)

    def from_data(self, vector: Float[Array, " d"]) -> Float[Array, " d"]:
        """`Tᵀ v`: a moment of the data in the coordinates of the pencil."""
        return self.turned.T @ (self.column * vector)


# A sum of matrices whose least eigenvalue is not known to this share is singular.
SINGULAR = 1 / 16


class _Scaled(NamedTuple):
    gram: Float[Array, "2 d d"]
    moment: Float[Array, "2 d"]
    column: Float[Array, " d"]
    size: Float[Array, "2"]
    energy: Float[Array, "2"]
    samples: Float[Array, "2"]


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
            eigendecomposition); if it is not, nothing is certified. `None`: found
            out.
    """
    scaled = _scale(statistics, weights)
    total = scaled.gram[0] + scaled.gram[1]
    factor = jnp.linalg.cholesky(total)
    if full_rank:
        return _finish(scaled, _definite(scaled.gram, factor))
    # The factor of a singular matrix may have no small pivot, or NaN; its inverse is
    # large all the same.
    d = total.shape[0]
    inverse = solve_triangular(factor, jnp.eye(d, dtype=total.dtype), lower=True)
    least = _known_to(d, total.dtype) * jnp.sum(inverse**2)
    definite = least < SINGULAR  # False for NaN
    parts = lax.cond(
        definite,
        lambda: _definite(scaled.gram, jnp.where(definite, factor, jnp.eye(d))),
        lambda: _semidefinite(scaled.gram),
    )
    return _finish(scaled, parts)


def _known_to(d: int, dtype: jnp.dtype) -> float:
    """Rounding of an eigenvalue of a matrix of d rows with entries up to 1."""
    return 4 * d * float(jnp.finfo(dtype).eps)


def _scale(statistics: TaskStatistics, weights: Float[Array, "2"]) -> _Scaled:
    gram = weights[:, None, None] * statistics.gram
    moment = weights[:, None] * statistics.moment
    trace = jnp.trace(gram, axis1=1, axis2=2)
    size = jnp.where(trace > 0, trace, 1)
    gram, moment = gram / size[:, None, None], moment / jnp.sqrt(size)[:, None]
    diagonal = jnp.diag(gram[0] + gram[1])
    column = 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    energy = weights * statistics.energy
    return _Scaled(
        gram * column[:, None] * column,
        moment * column,
        column,
        size,
        energy,
        statistics.samples,
    )


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
    d = len(size)
    kept = size > _known_to(d, size.dtype) * size[-1]
    root = jnp.where(kept, vector / jnp.sqrt(jnp.where(kept, size, 1)), 0)
    whitened = root.T @ gram[0] @ root
    # Eigenvalue −1 sets directions that no task sees apart from those of λ = 0.
    value, turn = jnp.linalg.eigh(whitened - jnp.diag(jnp.where(kept, 0.0, 1.0)))
    return _Parts(jnp.eye(d), root @ turn, value, value > -0.5)


def _finish(scaled: _Scaled, parts: _Parts) -> Pencil:
    d = len(parts.value)
    # An eigenvalue of the whitened matrix is known to about dε, and its norm is ≤ 1.
    rounding = _known_to(d, parts.value.dtype)
    first = jnp.where(parts.value > 1 - rounding, 1, parts.value)
    first = jnp.where(first < rounding, 0, first)
    # Eigenvalues ascend, so that m_1 rows leave the lowest d − m_1 exactly zero, and
    # m_2 rows the same of 1 − λ from above; rounding would leave them small instead.
    place, absent = jnp.arange(d), d - jnp.sum(parts.kept)
    none_first = place < d - scaled.samples[0]
    none_second = place >= absent + scaled.samples[1]
    first = jnp.where(none_first, 0, jnp.where(none_second, 1, first))
    second = 1 - first
    turned = solve_triangular(parts.factor, parts.rotation, lower=True, trans=1)
    moment = scaled.moment @ turned
    values = jnp.stack([jnp.where(parts.kept, v, 0) for v in (first, second)])
    moment = jnp.where(jnp.stack([none_first, none_second]), 0, moment)
    uncertainty = rounding * (1 + jnp.sum(turned**2, axis=0))
    # Beyond this a first order says nothing: more than any certificate can bear.
    unknown = 1 / jnp.finfo(uncertainty.dtype).eps
    uncertainty = jnp.where(uncertainty < 2 * SINGULAR, uncertainty, unknown)
    hidden, rest = _hidden(scaled.energy, values, moment, uncertainty)
    return Pencil(
        column=scaled.column,
        turned=turned,
        first=jnp.where(parts.kept, first, 0),
        second=jnp.where(parts.kept, second, 0),
        p=jnp.where(parts.kept & (first > 0), moment[0], 0),
        q=jnp.where(parts.kept & (second > 0), moment[1], 0),
        size=scaled.size,
        uncertainty=uncertainty,
        hidden=jnp.where(parts.kept, hidden, 0),
        rest=rest,
    )


def _hidden(
    energy: Float[Array, "2"],
    values: Float[Array, "2 d"],
    moment: Float[Array, "2 d"],
    uncertainty: Float[Array, " d"],
) -> tuple[Float[Array, "2 d"], Float[Array, "2"]]:
    """Moments above rounding where the curvature is rounded away, and their energy."""
    seen = values > 0
    # In these coordinates a moment is at most the root of its task's energy.
    noise = jnp.sqrt(energy)[:, None] * uncertainty
    hidden = jnp.where(~seen & (jnp.abs(moment) > noise), moment, 0)
    explained = jnp.sum(jnp.where(seen, moment**2 / jnp.where(seen, values, 1), 0), 1)
    rest = jnp.where(jnp.any(hidden != 0, axis=1), energy - explained, 0)
    return hidden, jnp.maximum(rest, 0)
