"""A lower bound for tasks that share one direction: one skew matrix for each pair."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike

from theory.linear.loss import best_heads, loss
from theory.linear.single_task import equilibrated_spectrum
from theory.linear.skew_ascent import ascend, block_matrix, settle, skew_blocks
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# What the last products of the bound round, generously.
ROUNDED = 1e-12
# Rounds by which units of the tasks settle; they need not.
BALANCING = 3


class SkewDual(eqx.Module):
    """Multipliers that bound the loss at width 1 from below, and a module above it.

    Attributes:
        multipliers: `S_ij` in the coordinates of the data, weights absorbed, pairs in
            the order `(0, 1), (0, 2), .., (1, 2), ..`; skew to the last bit.
        lower_bound: No module has a loss below it; `−inf` where nothing is shown.
        shared: The module found above it.
        heads: Its best heads.
        loss: Its loss.
        steps: Newton steps taken.
    """

    multipliers: Float[Array, "p d d"]
    lower_bound: Float[Array, ""]
    shared: Float[Array, "d 1"]
    heads: Float[Array, "k 1"]
    loss: Float[Array, ""]
    steps: Int[Array, ""]

    @property
    def gap(self) -> Float[Array, ""]:
        """`loss − lower_bound`."""
        return self.loss - self.lower_bound


class Scaled(NamedTuple):
    """`H_i = W α_iG_i Wᵀ/τ_i`, `h_i = W α_ig_i/√(τ_i s)`, with `Σ H_i = kI`.

    Attributes:
        gram: `H_i`, each of trace about `d`.
        moment: `h_i`, so that `Σ_i h_iᵀH_i⁻¹h_i = 1`.
        basis: `W`; rows of zeros for columns that are zero in every task.
        inverse: `W⁻¹`, which is `diag(column) V diag(inside)`, `V` orthogonal.
        column: Norms of the mean's columns; 1 where they are zero.
        inside: Roots of the eigenvalues of the mean with unit columns.
        units: `τ_i`.
        explained: `s`, the label energy that the tasks explain apart.
        gram_error: Bound on `‖ΔH_i‖₂`.
        reach: `|W| (‖X_ij‖)_j`, by which errors of the data grow.
        complete: Whether every column that is not zero is in `W`.
    """

    gram: Float[Array, "k d d"]
    moment: Float[Array, "k d"]
    basis: Float[Array, "d d"]
    inverse: Float[Array, "d d"]
    column: Float[Array, " d"]
    inside: Float[Array, " d"]
    units: Float[Array, " k"]
    explained: Float[Array, ""]
    gram_error: Float[Array, " k"]
    reach: Float[Array, "k d"]
    complete: Bool[Array, ""]


def skew_dual(statistics: TaskStatistics, weights: ArrayLike | None = None) -> SkewDual:
    """Bound the loss at width 1 from below by skew multipliers, for any `k ≥ 2` tasks.

    Let `w_i = a_i b` be the parameters, weights absorbed in `(G_i, g_i, e)`. For skew
    `S_ij` every `w_iᵀS_ijw_j = a_ia_j bᵀS_ijb` is zero, so that

        f = e − 2hᵀw + wᵀN(S)w,    N(S) = blockdiag(G_i) + (S_ij)_{i≠j},  S_ji = S_ijᵀ,

    for stacked `h = (g_i)` and `w`; hence `f* ≥ e − hᵀN(S)⁻¹h` wherever `N(S) ≻ 0`.
    `theory.linear.skew_ascent` finds the best `S`, in coordinates in which the mean of
    the `G_i`, each scaled to trace `d`, is the identity. One congruence keeps
    skewness, and no rounding of it matters: whatever `S` is, it is skew.

    For `k = 2` the best bound is `f*` (a univariate matrix polynomial that is
    semidefinite on the line is a sum of squares, or its infimum is approached). For
    more tasks it is a relaxation, tight where the best `N` is definite: the gradient
    of `hᵀN⁻¹h` by `S_ij`, the skew part of `−2x_ix_jᵀ`, then vanishes for all pairs,
    so the rows of `x = N⁻¹h` are parallel and `x` attains the bound.

    Rounding. For `w = (a_ib)` of the module that is returned, `wᵀS_ijw` is zero and

        e − hᵀN⁻¹h = f(a, b) − rᵀN⁻¹r,       r = h − N(S)w,

    so the bound is evaluated as a loss, in the coordinates of the data, less a square
    that vanishes where the bound is tight. It is lowered by what follows.

    1. The statistics may be off by what sums over `m_i` rows round, which walks, and
       their use by what sums over `d` columns round:
       `|ΔG_i|_jl ≤ η_i √(G_jj G_ll)`, `|Δg_i|_j ≤ η_i √(G_jj e_i)` and
       `|Δe_i| ≤ η_i e_i` with `η_i = (4d + 8 + √m_i)ε`. So the bound holds for all
       statistics within these, and the loss pays
       `Σ α_iη_i (√e_i + Σ_j √G_jj |a_ib_j|)²`.
    2. `r` is off by `δ`, a bound by entry from the same `η_i`, and
       `|r + δ|² ≤ (|r| + |δ|)²` in the norm of `N⁻¹`, `|δ|² ≤ ‖δ‖²/λ`.
    3. `λ = λ_1/2` for the computed least eigenvalue `λ_1` of `N` counts as proved if a
       Cholesky factorisation of `N − (λ + 4nε tr N)I` runs to its end, as its backward
       error is below `4nε tr N` for order `n` (Rump 2006). `ΔG_i` may take
       `‖ΔN‖₂ < λ/2` of it.
    4. `rᵀN⁻¹r ≤ 2rᵀz − zᵀNz + ‖r − Nz‖²/λ` for any `z`, here the computed `N⁻¹r`.

    Where `N` is not proved definite the bound is `−inf`: nearly dependent columns, a
    task with fewer rows than columns, weights that differ by `1/ε`. A column of zeros
    in every task does no harm.

    jit- and vmap-compatible. No derivative: that of `loss` at fixed `shared` and
    `heads` is that of `theory.linear.loss`.

    Args:
        statistics: Two or more tasks, in 64-bit floats.
        weights: `α_i ≥ 0`, ones by default. A task of weight 0 has no multipliers.

    Raises:
        ValueError: Fewer than two tasks, or as `shared_optimum`.

    Source: derived here; the ascent's Hessian too. Rump, "Verification of positive
    definiteness", BIT 46 (2006).
    """
    check_statistics(statistics)
    alpha = check_weights(weights, statistics)
    if statistics.count < 2:
        raise ValueError(
            f"skew multipliers need at least 2 tasks, got {statistics.count}: use "
            "single_task_optimum"
        )
    return solve_dual(statistics, alpha)


@jax.jit
def solve_dual(statistics: TaskStatistics, weights: Float[Array, " k"]) -> SkewDual:
    """As `skew_dual`, for arguments that were checked."""
    statistics, weights = lax.stop_gradient((statistics, weights))
    k, d = statistics.moment.shape
    scaled = scale(statistics, weights)
    found = ascend(scaled.gram, scaled.moment)
    module = scaled.basis.T @ settle(scaled.gram, scaled.moment, found.module)
    usable = jnp.all(jnp.isfinite(module)) & jnp.any(module != 0)
    module = jnp.where(usable, module, 1)
    module /= jnp.sqrt(jnp.sum(module**2))
    value, heads, least = _bound(scaled, found.entries, statistics, weights, module)
    i, j = jnp.triu_indices(k, 1)
    blocks = scaled.inverse @ skew_blocks(found.entries, k, d) @ scaled.inverse.T
    size = jnp.sqrt(scaled.units[i]) * jnp.sqrt(scaled.units[j])
    counts = (weights[i] > 0) & (weights[j] > 0)
    blocks = jnp.where(counts[:, None, None], size[:, None, None] * blocks, 0)
    return SkewDual(
        multipliers=(blocks - jnp.swapaxes(blocks, 1, 2)) / 2,
        lower_bound=least,
        shared=module[:, None],
        heads=heads[:, None],
        loss=value,
        steps=found.steps,
    )


def scale(statistics: TaskStatistics, weights: Float[Array, " k"]) -> Scaled:
    """Bring every task to one size, and their mean to the identity.

    The size of `α_iG_i` is `τ_i = tr(M⁻¹α_iG_i)/d` in the metric of the mean
    `M = Σ_i α_iG_i/τ_i / k`, so units of the inputs do not matter. A task of weight 0
    gets the mean's covariance and no signal, which changes nothing.
    """
    d = statistics.dimension
    active = weights > 0
    gram = weights[:, None, None] * statistics.gram
    units = jnp.where(active, 1.0, jnp.inf)
    spectrum = equilibrated_spectrum(jnp.sum(gram, axis=0))
    for _ in range(BALANCING):
        root = spectrum.inverse_root[:, None] * spectrum.vector.T * spectrum.scale
        size = jnp.einsum("de,kef,df->k", root, gram, root) / d
        units = jnp.where(active & (size > 0), size, jnp.inf)
        mean = jnp.sum(gram / units[:, None, None], axis=0) / jnp.sum(active)
        spectrum = equilibrated_spectrum(mean)
    basis = spectrum.inverse_root[:, None] * spectrum.vector.T * spectrum.scale
    empty = spectrum.value < -0.5
    unseen = jnp.diag(empty.astype(gram.dtype))
    inside = jnp.where(spectrum.seen, jnp.sqrt(jnp.abs(spectrum.value)), 0)
    used = spectrum.scale > 0
    column = 1 / jnp.where(used, spectrum.scale, 1)
    whole = basis @ (gram / units[:, None, None]) @ basis.T
    whole = (whole + jnp.swapaxes(whole, 1, 2)) / 2
    whole = jnp.where(active[:, None, None], whole, jnp.eye(d) - unseen) + unseen
    share = jnp.where(active, weights / jnp.sqrt(units), 0)
    moment = (share[:, None] * statistics.moment) @ basis.T
    explained = jnp.sum(moment * jnp.linalg.solve(whole, moment[..., None])[..., 0])
    explained = jnp.where(explained > 0, explained, 1)
    norm = jnp.sqrt(jnp.diagonal(statistics.gram, axis1=1, axis2=2))
    reach = norm @ jnp.abs(basis).T
    eta = _relative_rounding(statistics)
    return Scaled(
        gram=whole,
        moment=moment / jnp.sqrt(explained),
        basis=basis,
        inverse=column[:, None] * spectrum.vector * inside,
        column=column,
        inside=inside,
        units=jnp.where(active, units, 1),
        explained=explained,
        gram_error=eta * weights / units * jnp.sum(reach**2, axis=1),
        reach=reach,
        complete=jnp.all(spectrum.seen | empty),
    )


def _bound(
    scaled: Scaled,
    entries: Float[Array, " n"],
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    module: Float[Array, " d"],
) -> tuple[Float[Array, ""], Float[Array, " k"], Float[Array, ""]]:
    """Loss of a module, its heads, and the least loss that the multipliers allow.

    The last is `−inf` where `N` may be indefinite. See `skew_dual` for the terms.
    """
    matrix = block_matrix(scaled.gram, entries)
    heads = best_heads(statistics, module[:, None])[:, 0]
    value = loss(statistics, module[:, None], heads[:, None], weights)
    half, proved = _proved_eigenvalue(matrix)
    lost = jnp.max(scaled.gram_error) / jnp.where(proved, half, 1)
    valid = proved & (lost < 0.5) & scaled.complete
    residual, error = _residual(scaled, entries, statistics, weights, module, heads)
    inverse = jnp.linalg.solve(matrix, residual)
    rest = residual - matrix @ inverse
    square = 2 * residual @ inverse - inverse @ matrix @ inverse
    square = jnp.maximum(square, 0) + jnp.sum(rest**2) / half
    square = jnp.sqrt(square / (1 - lost)) + jnp.sqrt(jnp.sum(error**2) / half)
    size = jnp.sqrt(statistics.energy) + _seen(statistics, module) * jnp.abs(heads)
    rounding = jnp.sum(weights * _relative_rounding(statistics) * size**2)
    least = value - rounding - (1 + ROUNDED) * scaled.explained * square**2
    return value, heads, jnp.where(valid & jnp.isfinite(least), least, -jnp.inf)


def _proved_eigenvalue(
    matrix: Float[Array, "n n"],
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Half the computed least eigenvalue, and whether it is a proved lower bound."""
    size = len(matrix)
    half = jnp.linalg.eigvalsh(matrix)[0] / 2
    shift = half + 4 * size * jnp.finfo(matrix.dtype).eps * jnp.trace(matrix)
    shifted = matrix - shift * jnp.eye(size, dtype=matrix.dtype)
    complete = jnp.all(jnp.isfinite(jnp.linalg.cholesky(shifted)))
    proved = complete & (half > 0)
    return jnp.where(proved, half, 1), proved


def _residual(
    scaled: Scaled,
    entries: Float[Array, " n"],
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    module: Float[Array, " d"],
    heads: Float[Array, " k"],
) -> tuple[Float[Array, " kd"], Float[Array, " kd"]]:
    """`r = h − N(S)w` of a module and its heads, and a bound on its rounding."""
    k, d = statistics.moment.shape
    eps = jnp.finfo(module.dtype).eps
    share = weights / jnp.sqrt(scaled.units * scaled.explained)
    ahead = jnp.sqrt(scaled.units / scaled.explained) * heads * (weights > 0)
    curved = jnp.einsum("kde,e->kd", statistics.gram, module)
    left = share[:, None] * (statistics.moment - heads[:, None] * curved)
    skew = block_matrix(jnp.zeros_like(scaled.gram), entries)
    point = jnp.outer(ahead, scaled.inverse.T @ module).ravel()
    residual = (left @ scaled.basis.T).ravel() - skew @ point
    # Eigenvectors are orthonormal to some dε, which is how well W⁻¹ is known.
    inexact = scaled.inside * jnp.sqrt(jnp.sum((scaled.column * module) ** 2))
    size = jnp.sqrt(statistics.energy) + _seen(statistics, module) * jnp.abs(heads)
    error = (share * _relative_rounding(statistics) * size)[:, None] * scaled.reach
    moved = jnp.outer(jnp.abs(ahead), inexact).ravel()
    return residual, error.ravel() + 8 * k * d * eps * (jnp.abs(skew) @ moved)


def _seen(statistics: TaskStatistics, module: Float[Array, " d"]) -> Float[Array, " k"]:
    """`Σ_j ‖X_ij‖|b_j|`, which is at least `|Xb|`."""
    norm = jnp.sqrt(jnp.diagonal(statistics.gram, axis1=1, axis2=2))
    return norm @ jnp.abs(module)


def _relative_rounding(statistics: TaskStatistics) -> Float[Array, " k"]:
    """`η_i`, which bounds the rounding of sums over columns and over rows."""
    d, eps = statistics.moment.shape[-1], jnp.finfo(statistics.moment.dtype).eps
    return (4 * d + 8 + jnp.sqrt(statistics.samples)) * eps
