"""The optimum of tasks with quadratic ties, without iteration."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_share, is_traced
from theory.linear.loss import task_losses
from theory.linear.rounding import entry_rounding, inherent_rounding
from theory.penalised.elimination import Solver, dense_solver, nested_solver
from theory.penalised.result import PenalisedOptimum
from theory.penalised.ties import QuadraticPenalty
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# Each step of refinement takes off all but rounding of what the last one left.
REFINEMENTS = 2
# What may be left of a gradient along directions without curvature, in units of its
# rounding: sums over tasks and inputs, both ways through the factorisation.
NOISE = 64


def quadratic_optimum(
    statistics: TaskStatistics,
    penalty: QuadraticPenalty,
    weights: ArrayLike | None = None,
    *,
    tolerance: float = 1e-13,
) -> PenalisedOptimum:
    """Least `F(W) = ½ Σ_i α_i‖X_iw_i − y_i‖² + ½ tr(W M Wᵀ)`, without iteration.

    **Nested groups.** Write `ε` for the strength of a level and `λ_c` for what the
    levels above pull at group `c` with. Its members have `w_i = K_i(α_ig_i + εw̄_c −
    λ_c)`, `K_i = (α_iG_i + εI)⁻¹`, and their mean obeys

        Γ_c w̄_c = γ_c − λ_c,   Γ_c = S_c⁻¹ Σ K_iα_iG_i,   γ_c = S_c⁻¹ Σ K_iα_ig_i,

    `S_c = ΣK_i`: a group is a task with Gram matrix `Γ_c`, since `I − εK_i =
    K_iα_iG_i`, which is summed and never subtracted. Members that are groups count as
    often as they have tasks. At the top `(Γ + ε_M I) w̄ = γ`, one `d x d` system. The
    factorisations are of Cholesky, whose error does not depend on the units of the
    columns (Higham 2002, Theorem 10.6).

    **Any other `M`**, and groups whose matrices are singular: one `kd x kd` system in
    the basis of eigenvectors of `M`, with columns scaled to unit norm.

    **Certificate.** `F` is quadratic with Hessian `H`, so `F(W) − min F = ½ rᵀH⁻¹r` at
    the gradient `r`. A solver's answer `s` leaves `r' = r − Hs`, and `rᵀH⁻¹r ≤ 2rᵀs`
    as soon as `r'ᵀH⁻¹r' ≤ ¼ rᵀH⁻¹r`, which is measured. What rounding of the
    statistics does to the loss is added. Where the factorisation leaves more the lower
    bound is `−∞`. Curvature that rounding hides counts as none.

    jit-, vmap- and grad-compatible; singular groups are then not found and give NaN.

    Args:
        statistics: Statistics in 64-bit floats.
        penalty: One of this module.
        weights: `α_i ≥ 0`, ones by default.
        tolerance: Share of `Σ_i α_ie_i` below which a gap is certified.

    Raises:
        ValueError: Bad shapes, values or weights, or 32-bit floats.

    Source: derived here.
    """
    check_statistics(statistics)
    alpha = check_weights(weights, statistics)
    share = jnp.asarray(check_share("tolerance", tolerance))
    if penalty.levels(statistics.count) is not None:
        found = _optimum(statistics, penalty, alpha, share, nested=True)
        if is_traced(found.gap) or bool(jnp.isfinite(found.gap)):
            return found
    return _optimum(statistics, penalty, alpha, share, nested=False)


@eqx.filter_jit
def _optimum(
    statistics: TaskStatistics,
    penalty: QuadraticPenalty,
    alpha: Float[Array, " k"],
    tolerance: Float[Array, ""],
    *,
    nested: bool,
) -> PenalisedOptimum:
    curved = alpha[:, None, None] * statistics.gram
    moment = alpha[:, None] * statistics.moment
    levels = penalty.levels(len(curved)) if nested else None
    if levels is None:
        solve = dense_solver(curved, penalty.matrix(len(curved)))
    else:
        solve = nested_solver(curved, *levels)
    pull = jax.grad(penalty.value)

    def left(right: Float[Array, "k d"], point: Float[Array, "k d"]) -> Array:
        return right - jnp.einsum("kde,ke->kd", curved, point) - pull(point)

    point = solve(moment)
    for _ in range(REFINEMENTS):
        point = point + solve(left(moment, point))
    noise = _noise(statistics, penalty, alpha, point)
    slack = _slack(left(moment, point), left, solve, noise)
    return _result(statistics, penalty, alpha, tolerance, point, slack, nested)


def _result(
    statistics: TaskStatistics,
    penalty: QuadraticPenalty,
    alpha: Float[Array, " k"],
    tolerance: Float[Array, ""],
    point: Float[Array, "k d"],
    slack: Float[Array, ""],
    nested: bool,
) -> PenalisedOptimum:
    loss = jnp.sum(alpha * task_losses(statistics, point))
    objective = loss / 2 + penalty.value(point)
    fixed, rows, share, where = lax.stop_gradient((objective, statistics, alpha, point))
    rounding = inherent_rounding(rows, share, where) / 2
    energy = jnp.sum(share * rows.energy)
    return PenalisedOptimum(
        parameters=point,
        objective=objective,
        loss=loss,
        lower_bound=fixed - lax.stop_gradient(slack) - rounding,
        rounding=rounding,
        tolerance=jnp.maximum(tolerance * energy, 2 * rounding),
        steps=jnp.zeros((), int),
        route="elimination" if nested else "one system",
    )


def _slack(
    gradient: Float[Array, "k d"],
    left: Callable[[Array, Array], Array],
    solve: Solver,
    noise: Float[Array, "k d"],
) -> Float[Array, ""]:
    """A bound of `½ rᵀH⁻¹r`, infinite where the solver does not contract."""
    step = solve(gradient)
    rest = left(gradient, step)
    again = solve(rest)
    whole, part = jnp.sum(gradient * step), jnp.sum(rest * again)
    unseen = jnp.abs(left(rest, again)) > NOISE * noise
    good = (jnp.abs(part) <= whole / 4) & ~jnp.any(unseen)
    return jnp.where(good, whole, jnp.inf)


def _noise(
    statistics: TaskStatistics,
    penalty: QuadraticPenalty,
    alpha: Float[Array, " k"],
    point: Float[Array, "k d"],
) -> Float[Array, "k d"]:
    """Rounding of every entry of the gradient, of its moments and of the ties."""
    norm = jnp.sqrt(jnp.diagonal(statistics.gram, axis1=1, axis2=2))
    size = jnp.sum(norm * jnp.abs(point), axis=1) + jnp.sqrt(statistics.energy)
    unit = entry_rounding(statistics.samples)
    ties = jnp.diag(penalty.matrix(len(point)))[:, None] * jnp.max(
        jnp.abs(point), axis=0
    )
    return (alpha * unit * size)[:, None] * norm + jnp.finfo(ties.dtype).eps * ties
