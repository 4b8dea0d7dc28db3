"""The optimum of two tasks that share one direction, for any two covariances."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.linear.circle_search import CAPACITY, maximise
from theory.linear.pencil import Pencil, diagonalise
from theory.linear.result import SharedOptimum, assemble
from theory.tasks import TaskStatistics

# An optimum at x = 0 or ∞ that is approached and not attained is stopped here; the
# loss is quadratic in the distance, so it is exact to rounding.
NEAREST = 1e-8


@partial(jax.jit, static_argnames=("full_rank", "capacity"))
def two_task_optimum(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    *,
    full_rank: bool | None = None,
    ranks: Float[Array, "2"] | None = None,
    capacity: int = CAPACITY,
) -> SharedOptimum:
    """Certified optimum of two tasks at width 1, by branch and bound.

    With `A = (c, s)` the best module is `B = M⁻¹v`, `M = c²G_1 + s²G_2`,
    `v = c g_1 + s g_2` (weights absorbed), so that

        f* = Σ α_i e_i − max_t F(t),   F = vᵀM⁻¹v,   (c, s) = (cos t, sin t).

    `theory.linear.pencil` makes `F` a sum of scalar terms and
    `theory.linear.circle_search` brackets its maximum. jit-, vmap- and
    grad-compatible: derivatives of `loss` by the envelope theorem, of `shared`,
    `heads` and `parameters` by one Newton step at the solution, where it is unique.

    Args:
        statistics: Two tasks.
        weights: `α_1, α_2 ≥ 0`, not both zero.
        full_rank: `True`: `α_1G_1 + α_2G_2` is known to be definite, which saves an
            eigendecomposition under vmap. If it is not, the result is NaN and not
            certified. `None`: found out.
        ranks: Exact ranks of `X_1`, `X_2`, where their rows told them.
        capacity: Intervals kept by the search.

    Source: derived here; docs/mathematics.md, "Two tasks, one direction".
    """
    fixed = lax.stop_gradient(statistics)
    alpha = lax.stop_gradient(weights)
    pencil = diagonalise(fixed, alpha, full_rank=full_rank, ranks=ranks)
    maximum = maximise(pencil, capacity=capacity)
    ratio = _attained(pencil, maximum.direction) / jnp.sqrt(pencil.size)
    ratio = ratio / jnp.sqrt(jnp.sum(ratio**2))
    shared = _module(statistics, weights, pencil, ratio)
    energy = jnp.sum(fixed.energy * weights)
    least = jnp.maximum(energy - maximum.upper_bound, 0)
    return assemble(
        statistics,
        weights,
        shared[:, None],
        lower_bound=jnp.where(pencil.resolved, least, 0),
        claimed=energy - maximum.value,
        rank=_ranks(pencil, fixed),
        route="two tasks, one direction: branch and bound",
    )


def _attained(pencil: Pencil, direction: Float[Array, "2"]) -> Float[Array, "2"]:
    """Keep a head from vanishing where only it fits what the other task lacks."""
    # sign(0) is 0, so the sign is taken by comparison.
    sign = jnp.where(direction < 0, -1.0, 1.0)
    near = sign * jnp.maximum(jnp.abs(direction), NEAREST)
    varies = jnp.any((pencil.first > 0) & (pencil.second > 0))
    return jnp.where(varies, near, jnp.ones(2))


def _ranks(pencil: Pencil, statistics: TaskStatistics) -> Float[Array, "2"]:
    counts = jnp.stack([jnp.sum(pencil.first > 0), jnp.sum(pencil.second > 0)])
    return jnp.minimum(counts.astype(pencil.p.dtype), statistics.samples)


@jax.custom_jvp
def _module(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    pencil: Pencil,
    ratio: Float[Array, "2"],
) -> Float[Array, " d"]:
    """`B = M⁻¹v` at the optimal ratio; its derivative is that of `_by_newton`."""
    inverse = _inverse(pencil, ratio)
    scaled = ratio * jnp.sqrt(pencil.size)
    first = pencil.to_data(inverse * (scaled[0] * pencil.p + scaled[1] * pencil.q))
    return _refine(statistics, weights, pencil, ratio, first)


@_module.defjvp
def _module_jvp(primals: tuple, tangents: tuple) -> tuple:
    value = _module(*primals)
    fixed, alpha, pencil, ratio = primals
    _, tangent = jax.jvp(
        lambda s, w: _by_newton(s, w, pencil, ratio, value),
        (fixed, alpha),
        tangents[:2],
    )
    return value, tangent


def _inverse(pencil: Pencil, ratio: Float[Array, "2"]) -> Float[Array, " d"]:
    """Diagonal of `(TᵀMT)⁻¹`, zero where no task sees."""
    scaled = ratio**2 * pencil.size
    denominator = scaled[0] * pencil.first + scaled[1] * pencil.second
    return jnp.where(denominator > 0, 1 / jnp.where(denominator > 0, denominator, 1), 0)


def _refine(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    pencil: Pencil,
    ratio: Float[Array, "2"],
    shared: Float[Array, " d"],
) -> Float[Array, " d"]:
    """`B + P(v − MB)`, where `P = T (TᵀMT)⁻¹ Tᵀ` is `M⁻¹` up to rounding.

    Refines `B`, and carries the derivative `M⁻¹(dv − dM B)`.
    """
    factor = weights * ratio**2
    left = (weights * ratio) @ statistics.moment
    left -= factor @ jnp.einsum("ide,e->id", statistics.gram, shared)
    change = pencil.to_data(_inverse(pencil, ratio) * pencil.from_data(left))
    # A large correction is the rounding of a nearly singular M, amplified.
    helps = jnp.sum(change**2) < 1e-4 * jnp.sum(shared**2)
    return shared + jnp.where(lax.stop_gradient(helps), change, 0)


def _by_newton(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    pencil: Pencil,
    ratio: Float[Array, "2"],
    shared: Float[Array, " d"],
) -> Float[Array, " d"]:
    """`B` after a Newton step of the angle, for its derivative.

    `F' = 2v'ᵀB − BᵀM'B` is zero at the solution `t`, so `−F'/F''` has the derivative
    of `t` by the implicit function theorem, and refinement that of `B` given `t`.
    """
    shared = _refine(statistics, weights, pencil, ratio, shared)
    turned = jnp.stack([-ratio[1], ratio[0]])
    moment = weights[:, None] * statistics.moment
    mixed = weights[:, None] * jnp.einsum("ide,e->id", statistics.gram, shared)
    crossed = ratio * turned
    slope = 2 * turned @ moment @ shared - 2 * crossed @ (mixed @ shared)
    # F'' = 2 (v' − M'B)ᵀM⁻¹(v' − M'B) + 2 v''ᵀB − BᵀM''B,  v'' = −v.
    residual = pencil.from_data(turned @ moment - 2 * crossed @ mixed)
    curvature = 2 * residual @ (_inverse(pencil, ratio) * residual)
    curvature -= 2 * ratio @ moment @ shared
    curvature -= 2 * (turned**2 - ratio**2) @ (mixed @ shared)
    # A maximum has F'' < 0; where it is not, B has no derivative and gets that at
    # a fixed angle.
    safe = lax.stop_gradient(jnp.where(curvature < 0, curvature, -jnp.inf))
    return _refine(statistics, weights, pencil, ratio - slope / safe * turned, shared)
