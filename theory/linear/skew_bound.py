"""What skew multipliers prove, with rounding counted against the bound."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import block_diag
from jaxtyping import Array, Bool, Float, Int

from theory.linear.loss import best_heads, loss
from theory.linear.single_task import equilibrated_spectrum
from theory.linear.skew_blocks import Cell, cell_blocks, off_diagonal
from theory.tasks import TaskStatistics

# What the last products of the bound round, generously.
ROUNDED = 1e-12
# Rounds by which units of the tasks settle; they need not.
BALANCING = 3


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


@jax.jit
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


def to_data(scaled: Scaled, module: Float[Array, " d"]) -> Float[Array, " d"]:
    """A module in the coordinates of the data, of unit length whatever it was."""
    module = scaled.basis.T @ module
    usable = jnp.all(jnp.isfinite(module)) & jnp.any(module != 0)
    module = jnp.where(usable, module, 1)
    return module / jnp.sqrt(jnp.sum(module**2))


class Bounded(NamedTuple):
    """A module, and what multipliers prove of all modules.

    Attributes:
        heads: Best heads of the module.
        loss: Its loss.
        lower_bound: No module, or none of the cell, has a loss below it.
    """

    heads: Float[Array, " k"]
    loss: Float[Array, ""]
    lower_bound: Float[Array, ""]


def bound(
    scaled: Scaled,
    entries: Float[Array, " n"],
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    module: Float[Array, " d"],
    cell: Cell | None = None,
) -> Bounded:
    """Lower bound by multipliers, valid for all statistics within rounding.

    For any `w`, here `w_i = a_ib` of the given module, and `r = h − Nw`,

        e − hᵀN⁻¹h = e − 2hᵀw + wᵀNw − rᵀN⁻¹r
                   = f(a, b) + wᵀN(0, Z)w − rᵀN⁻¹r,

    where `wᵀN(0, Z)w = −Σ_j (a_j − l_ja_0)(u_ja_0 − a_j) bᵀZ_jb`; skew blocks give
    nothing. So the bound is a loss, in the coordinates of the data, less terms that
    vanish where the bound is tight at the module. It is lowered by what follows.

    1. The statistics may be off by what sums over `m_i` rows round, which walks, and
       their use by what sums over `d` columns round:
       `|ΔG_i|_jl ≤ η_i √(G_jj G_ll)`, `|Δg_i|_j ≤ η_i √(G_jj e_i)` and
       `|Δe_i| ≤ η_i e_i` with `η_i = (4d + 8 + √m_i)ε`. So the bound holds for all
       statistics within these, and the loss pays
       `Σ α_iη_i (√e_i + Σ_j √G_jj |a_ib_j|)²`.
    2. `r` is off by `δ`, a bound by entry from the same `η_i`, and
       `|r + δ|² ≤ (|r| + |δ|)²` in the norm of `N⁻¹`, `|δ|² ≤ ‖δ‖²/λ`.
    3. `λ = λ_1/2` for the computed least eigenvalue `λ_1` of `N` counts as proved if a
       Cholesky factorisation of `N − (λ + 4nεT)I` runs to its end, for order `n` and
       `T` the traces of all that is summed, as its backward error is below `2nεT`
       (Rump 2006) and that of the sums below `2nεT`. `Z_j` is proved in the same way.
       `ΔG_i` may take `‖ΔN‖₂ < λ/2`.
    4. `rᵀN⁻¹r ≤ 2rᵀz − zᵀNz + ‖r − Nz‖²/λ` for any `z`, here the computed `N⁻¹r`.

    The bound is `−inf` where `N` or a `Z_j` is not proved definite.

    Args:
        scaled: The tasks in the coordinates of the multipliers.
        entries: The multipliers. What they are does not matter to the bound's
            validity, so no rounding of them does.
        statistics: The tasks.
        weights: `α_i`.
        module: `b`, of unit length.
        cell: Bounds on the heads' ratios, for which `entries` has `Z_j`.

    Source: derived here. Rump, "Verification of positive definiteness", BIT 46 (2006).
    """
    k, d = statistics.moment.shape
    off = off_diagonal(entries, cell, k, d)
    matrix = block_diag(*scaled.gram) + off
    heads = best_heads(statistics, module[:, None])[:, 0]
    value = loss(statistics, module[:, None], heads[:, None], weights)
    half, valid = _proved(scaled, matrix, entries, cell)
    lost = jnp.max(scaled.gram_error) / half
    valid = valid & (lost < 0.5) & scaled.complete
    residual, error, point = _residual(scaled, off, statistics, weights, module, heads)
    inverse = jnp.linalg.solve(matrix, residual)
    rest = residual - matrix @ inverse
    square = 2 * residual @ inverse - inverse @ matrix @ inverse
    square = jnp.maximum(square, 0) + jnp.sum(rest**2) / half
    square = jnp.sqrt(square / (1 - lost)) + jnp.sqrt(jnp.sum(error**2) / half)
    size = jnp.sqrt(statistics.energy) + _seen(statistics, module) * jnp.abs(heads)
    rounding = jnp.sum(weights * _relative_rounding(statistics) * size**2)
    missed = (1 + ROUNDED) * square**2 + _slack(entries, cell, point)
    least = value - rounding - scaled.explained * missed
    least = jnp.where(valid & jnp.isfinite(least), least, -jnp.inf)
    return Bounded(heads, value, least)


def _slack(
    entries: Float[Array, " n"], cell: Cell | None, point: Float[Array, "k d"]
) -> Float[Array, ""] | float:
    """Upper bound on `Σ_j (a_j − l_ja_0)(u_ja_0 − a_j) bᵀZ_jb` of a rank-one point."""
    if cell is None:
        return 0.0
    k, d = point.shape
    blocks = cell_blocks(entries, k, d)
    ahead = point[1:] - cell.low[:, None] * point[0]
    back = cell.high[:, None] * point[0] - point[1:]
    eps, size = jnp.finfo(point.dtype).eps, jnp.abs(point)
    size = jnp.einsum(
        "ja,jab,jb->", size[1:] + size[0], jnp.abs(blocks), size[1:] + size[0]
    )
    return jnp.einsum("ja,jab,jb->", ahead, blocks, back) + 8 * k * d * eps * size


def _proved(
    scaled: Scaled,
    matrix: Float[Array, "kd kd"],
    entries: Float[Array, " n"],
    cell: Cell | None,
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Proved lower bound `λ` on the eigenvalues of `N`, and whether all is proved."""
    k, d, _ = scaled.gram.shape
    trace = jnp.trace(matrix)
    if cell is None:
        return _proved_eigenvalue(matrix, trace)
    blocks = cell_blocks(entries, k, d)
    traces = jnp.trace(blocks, axis1=1, axis2=2)
    half, proved = _proved_eigenvalue(matrix, k * d + 2 * jnp.sum(traces))
    _, others = jax.vmap(_proved_eigenvalue)(blocks, traces)
    return half, proved & jnp.all(others)


def _proved_eigenvalue(
    matrix: Float[Array, "n n"], size: Float[Array, ""]
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Half the computed least eigenvalue, and whether it is a proved lower bound."""
    half = jnp.linalg.eigvalsh(matrix)[0] / 2
    shift = half + 4 * len(matrix) * jnp.finfo(matrix.dtype).eps * size
    shifted = matrix - shift * jnp.eye(len(matrix), dtype=matrix.dtype)
    complete = jnp.all(jnp.isfinite(jnp.linalg.cholesky(shifted)))
    proved = complete & (half > 0)
    return jnp.where(proved, half, 1), proved


def _residual(
    scaled: Scaled,
    off: Float[Array, "kd kd"],
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    module: Float[Array, " d"],
    heads: Float[Array, " k"],
) -> tuple[Float[Array, " kd"], Float[Array, " kd"], Float[Array, "k d"]]:
    """`r = h − Nw` of a module and its heads, a bound on its rounding, and `w`."""
    k, d = statistics.moment.shape
    eps = jnp.finfo(module.dtype).eps
    share = weights / jnp.sqrt(scaled.units * scaled.explained)
    ahead = jnp.sqrt(scaled.units / scaled.explained) * heads * (weights > 0)
    curved = jnp.einsum("kde,e->kd", statistics.gram, module)
    left = share[:, None] * (statistics.moment - heads[:, None] * curved)
    point = jnp.outer(ahead, scaled.inverse.T @ module)
    residual = (left @ scaled.basis.T).ravel() - off @ point.ravel()
    # Eigenvectors are orthonormal to some dε, which is how well W⁻¹ is known.
    inexact = scaled.inside * jnp.sqrt(jnp.sum((scaled.column * module) ** 2))
    size = jnp.sqrt(statistics.energy) + _seen(statistics, module) * jnp.abs(heads)
    error = (share * _relative_rounding(statistics) * size)[:, None] * scaled.reach
    moved = jnp.outer(jnp.abs(ahead), inexact).ravel()
    error = error.ravel() + 8 * k * d * eps * (jnp.abs(off) @ moved)
    return residual, error, point


def reorder(scaled: Scaled, order: Int[Array, " k"]) -> Scaled:
    """The same tasks in another order."""
    return scaled._replace(
        gram=scaled.gram[order],
        moment=scaled.moment[order],
        units=scaled.units[order],
        gram_error=scaled.gram_error[order],
        reach=scaled.reach[order],
    )


def _seen(statistics: TaskStatistics, module: Float[Array, " d"]) -> Float[Array, " k"]:
    """`Σ_j ‖X_ij‖|b_j|`, which is at least `|Xb|`."""
    norm = jnp.sqrt(jnp.diagonal(statistics.gram, axis1=1, axis2=2))
    return norm @ jnp.abs(module)


def _relative_rounding(statistics: TaskStatistics) -> Float[Array, " k"]:
    """`η_i`, which bounds the rounding of sums over columns and over rows."""
    d, eps = statistics.moment.shape[-1], jnp.finfo(statistics.moment.dtype).eps
    return (4 * d + 8 + jnp.sqrt(statistics.samples)) * eps
