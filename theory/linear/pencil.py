"""Two covariances brought to diagonal form together."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float

from theory.linear.rounding import entry_rounding, largest_ranks
from theory.tasks import TaskStatistics


class Pencil(NamedTuple):
    """`TᵀG_1T = diag(λ)`, `TᵀG_2T = diag(μ)`, `p = Tᵀg_1`, `q = Tᵀg_2`.

    Here `G_i`, `g_i` carry the weights and are divided by `ρ_i`, `√ρ_i`, so that both
    tasks have one size whatever their weights and sample counts: only the ratio of
    the heads changes with it. `λ_j + μ_j = 1` on directions that a task sees; the
    others have `λ_j = μ_j = 0`. Where `λ_j = 0` also `p_j = 0`, and likewise `q_j`.

    An error of relative size `κ = d max(4, √m/16)ε` in the scaled matrices changes
    `λ_j`, `μ_j` by up to `uncertainty_j = u_j = κ (1 + ‖t_j‖²)`, `t_j` the columns of
    `L⁻ᵀV`; above 1/8 it is `1/ε`, so that nothing is certified. A `λ_j` below
    `κ` counts as 0.

    A `λ_j` of at most `2u_j` may be anything from 0, and so may its moment up to
    `√e u_j`: the task may explain along `t_j` all that its other directions leave. Only
    its rows rule that out, where they are so few that they force as many `λ_j` to be 0.
    Else `hidden` has the largest moments in such directions, `curved` what is kept of
    their `λ_j`, and `rest_i` is what task `i` explains in all of them at most.

    `resolved`: the sum has the largest rank that rows and columns allow. If it has not,
    a direction that both tasks hide may explain the labels of both, and no loss but 0
    is a lower bound.

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
    curved: Float[Array, "2 d"]
    rest: Float[Array, "2"]
    resolved: Bool[Array, ""]

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
    most: Float[Array, "2"]
    kappa: Float[Array, ""]


def diagonalise(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    *,
    full_rank: bool | None = None,
    ranks: Float[Array, "2"] | None = None,
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
        ranks: Exact ranks of `X_1`, `X_2`, where their rows told them.
    """
    scaled = _scale(statistics, weights, ranks)
    total = scaled.gram[0] + scaled.gram[1]
    factor = jnp.linalg.cholesky(total)
    if full_rank:
        return _finish(scaled, _definite(scaled.gram, factor))
    # The factor of a singular matrix may have no small pivot, or NaN; its inverse is
    # large all the same.
    d = total.shape[0]
    inverse = solve_triangular(factor, jnp.eye(d, dtype=total.dtype), lower=True)
    least = scaled.kappa * jnp.sum(inverse**2)
    definite = least < SINGULAR  # False for NaN
    parts = lax.cond(
        definite,
        lambda: _definite(scaled.gram, jnp.where(definite, factor, jnp.eye(d))),
        lambda: _semidefinite(scaled),
    )
    return _finish(scaled, parts)


def _scale(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    ranks: Float[Array, "2"] | None,
) -> _Scaled:
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
        jnp.where(weights > 0, largest_ranks(statistics, ranks), 0),
        len(diagonal) * jnp.max(entry_rounding(statistics.samples)),
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


def _semidefinite(scaled: _Scaled) -> _Parts:
    gram = scaled.gram
    size, vector = jnp.linalg.eigh(gram[0] + gram[1])
    d = len(size)
    kept = size > scaled.kappa * size[-1]
    root = jnp.where(kept, vector / jnp.sqrt(jnp.where(kept, size, 1)), 0)
    whitened = root.T @ gram[0] @ root
    # Eigenvalue −1 sets directions that no task sees apart from those of λ = 0.
    value, turn = jnp.linalg.eigh(whitened - jnp.diag(jnp.where(kept, 0.0, 1.0)))
    return _Parts(jnp.eye(d), root @ turn, value, value > -0.5)


def _finish(scaled: _Scaled, parts: _Parts) -> Pencil:
    d, kappa = len(parts.value), scaled.kappa
    # An eigenvalue of the whitened matrix is known to about dε, and its norm is ≤ 1.
    first = jnp.where(parts.value > 1 - kappa, 1, parts.value)
    first = jnp.where(first < kappa, 0, first)
    # Eigenvalues ascend, so that rank m_1 leaves the lowest d − m_1 exactly zero, and
    # m_2 the same of 1 − λ from above; rounding would leave them small instead.
    place, absent = jnp.arange(d), d - jnp.sum(parts.kept)
    none = jnp.stack([place < d - scaled.most[0], place >= absent + scaled.most[1]])
    first = jnp.where(none[0], 0, jnp.where(none[1], 1, first))
    turned = solve_triangular(parts.factor, parts.rotation, lower=True, trans=1)
    moment = scaled.moment @ turned
    values = jnp.where(parts.kept, jnp.stack([first, 1 - first]), 0)
    uncertainty = kappa * (1 + jnp.sum(turned**2, axis=0))
    # Beyond this a first order says nothing: more than any certificate can bear.
    unknown = 1 / jnp.finfo(uncertainty.dtype).eps
    uncertainty = jnp.where(uncertainty < 2 * SINGULAR, uncertainty, unknown)
    hidden = _hidden(scaled.energy, values, moment, uncertainty, parts.kept & ~none)
    small = hidden.moment > 0
    seen = values > 0
    p, q = jnp.where(seen & ~none, moment, 0)
    used = jnp.sum(jnp.diagonal(scaled.gram[0] + scaled.gram[1]) > 0)
    most = jnp.minimum(used, jnp.sum(scaled.most))
    return Pencil(
        column=scaled.column,
        turned=turned,
        first=values[0],
        second=values[1],
        p=p,
        q=q,
        size=scaled.size,
        uncertainty=uncertainty,
        hidden=hidden.moment,
        curved=jnp.where(small, values, 0),
        rest=hidden.rest,
        resolved=d - absent >= most,
    )


class _Hidden(NamedTuple):
    moment: Float[Array, "2 d"]
    rest: Float[Array, "2"]


def _hidden(
    energy: Float[Array, "2"],
    values: Float[Array, "2 d"],
    moment: Float[Array, "2 d"],
    uncertainty: Float[Array, " d"],
    possible: Bool[Array, "2 d"],
) -> _Hidden:
    """Moments where the curvature may be rounding, and what they may explain.

    Eigenvectors of values that rounding does not tell from 0 mix, so one that is not
    ruled out makes all of them doubtful.
    """
    doubtful = values <= 2 * uncertainty
    some = jnp.any(doubtful & possible, axis=1, keepdims=True)
    kept = jnp.any(possible, axis=0)
    doubtful &= some & kept
    # In these coordinates a moment is known to √e u.
    most = jnp.abs(moment) + jnp.sqrt(energy)[:, None] * uncertainty
    sure = (values > 0) & ~doubtful
    explained = jnp.sum(jnp.where(sure, moment**2 / jnp.where(sure, values, 1), 0), 1)
    rest = jnp.maximum(energy - explained, 0)
    # The other task's moments there are in the objective with this one's curvature.
    other = jnp.where(doubtful & (values > 0), moment[::-1] ** 2, 0)
    rest += jnp.sum(other, axis=1)
    return _Hidden(
        jnp.where(doubtful, jnp.maximum(most, jnp.finfo(most.dtype).tiny), 0),
        jnp.where(jnp.any(doubtful, axis=1), rest, 0),
    )
