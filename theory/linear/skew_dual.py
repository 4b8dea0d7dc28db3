"""A lower bound for tasks that share one direction: one skew matrix for each pair."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike

from theory.linear.skew_ascent import CLOSED, ascend, start_entries
from theory.linear.skew_blocks import Cell, skew_blocks
from theory.linear.skew_bound import Bounded, Scaled, bound, scale, to_data
from theory.linear.skew_module import settle
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# Steps from the multipliers found back to where the ascent started, for the proof.
BACK = (0.0, 1e-11, 1e-9, 1e-6, 1e-4, 1e-2)


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
        closed: Whether the multipliers leave no gap; what is in `gap` is then rounding.
    """

    multipliers: Float[Array, "p d d"]
    lower_bound: Float[Array, ""]
    shared: Float[Array, "d 1"]
    heads: Float[Array, "k 1"]
    loss: Float[Array, ""]
    steps: Int[Array, ""]
    closed: Bool[Array, ""]

    @property
    def gap(self) -> Float[Array, "*batch"]:
        """`loss − lower_bound`; with a batch's axes after vmap."""
        return self.loss - self.lower_bound


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

    Rounding. `theory.linear.skew_bound.bound` says how the margin is computed: the
    bound holds for all statistics within `η_i = (4d + 8 + √m_i)ε` of the given ones,
    relative to `√(G_jj G_ll)`, `√(G_jj e_i)` and `e_i`, and `N` is proved definite.
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
    module = to_data(scaled, settle(scaled.gram, scaled.moment, found.module))
    entries, proved = proved_bound(scaled, found.entries, statistics, weights, module)
    i, j = jnp.triu_indices(k, 1)
    blocks = scaled.inverse @ skew_blocks(entries, k, d) @ scaled.inverse.T
    size = jnp.sqrt(scaled.units[i]) * jnp.sqrt(scaled.units[j])
    counts = (weights[i] > 0) & (weights[j] > 0)
    blocks = jnp.where(counts[:, None, None], size[:, None, None] * blocks, 0)
    return SkewDual(
        multipliers=(blocks - jnp.swapaxes(blocks, 1, 2)) / 2,
        lower_bound=proved.lower_bound,
        shared=module[:, None],
        heads=proved.heads[:, None],
        loss=proved.loss,
        steps=found.steps,
        closed=found.gap <= CLOSED,
    )


def proved_bound(
    scaled: Scaled,
    entries: Float[Array, " n"],
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    module: Float[Array, " d"],
    cell: Cell | None = None,
) -> tuple[Float[Array, " n"], Bounded]:
    """Best of the bounds by the multipliers and by some nearer the ascent's start.

    Where a gap is left the best `N` is singular, and so is close to it what the ascent
    ends with: too close for a proof. With a share `β` of the start's `N_0` it has
    eigenvalues above `β λ_min(N_0)`, and as `hᵀN⁻¹h` is convex the bound loses at most
    `β` of what the tasks explain apart.
    """
    start = start_entries(scaled.gram, cell)

    def one(back: Float[Array, ""]) -> tuple[Array, Bounded]:
        mixed = entries + back * (start - entries)
        return mixed, bound(scaled, mixed, statistics, weights, module, cell)

    mixed, bounds = jax.vmap(one)(jnp.asarray(BACK, entries.dtype))
    best = jnp.argmax(bounds.lower_bound)
    return jax.tree.map(lambda leaf: leaf[best], (mixed, bounds))
