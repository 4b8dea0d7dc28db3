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
        capacity: Intervals kept by the search.

    Source: derived here, from mathematics.md §2.
    """
    fixed = lax.stop_gradient(statistics)
    pencil = diagonalise(fixed, lax.stop_gradient(weights), full_rank=full_rank)
    maximum = maximise(pencil, capacity=capacity)
    ratio = _attained(pencil, maximum.direction) / jnp.sqrt(pencil.size)
    ratio = ratio / jnp.sqrt(jnp.sum(ratio**2))
    shared = _module(statistics, weights, pencil, ratio)
    energy = jnp.sum(fixed.energy * weights)
    return assemble(
        statistics,
        weights,
        shared[:, None],
        lower_bound=energy - maximum.upper_bound,
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


def _module(
    statistics: TaskStatistics,
    weights: Float[Array, "2"],
    pencil: Pencil,
    ratio: Float[Array, "2"],
) -> Float[Array, " d"]:
    """`B = M⁻¹v` at the optimal ratio, refined, with the derivative of both.

    `P = T diag(1/(c²λ + s²μ)) Tᵀ` is `M⁻¹` up to the rounding of the pencil, so
    `B + P(v − MB)` refines `B`, and has its derivative `M⁻¹(dv − dM B)`. The ratio
    gets a Newton step on `F' = 2v'ᵀB − BᵀM'B`, by itself with the right derivative.
    """
    ratio = lax.stop_gradient(ratio)
    scaled = ratio * jnp.sqrt(pencil.size)
    denominator = scaled[0] ** 2 * pencil.first + scaled[1] ** 2 * pencil.second
    inverse = jnp.where(
        denominator > 0, 1 / jnp.where(denominator > 0, denominator, 1), 0
    )
    gram = weights[:, None, None] * statistics.gram
    moment = weights[:, None] * statistics.moment

    def apply_inverse(right: Float[Array, " d"]) -> Float[Array, " d"]:
        return pencil.basis @ (inverse * (pencil.basis.T @ right))

    def product(at: Float[Array, "2"], b: Float[Array, " d"]) -> Float[Array, " d"]:
        return at**2 @ jnp.einsum("ide,e->id", gram, b)

    def refine(at: Float[Array, "2"], b: Float[Array, " d"]) -> Float[Array, " d"]:
        change = apply_inverse(at @ moment - product(at, b))
        # A large correction is the rounding of a nearly singular M, amplified.
        helps = jnp.sum(change**2) < 1e-4 * jnp.sum(b**2)
        return b + jnp.where(lax.stop_gradient(helps), change, 0)

    first = lax.stop_gradient(refine(ratio, apply_inverse(ratio @ moment)))
    shared = refine(ratio, first)
    turned = jnp.stack([-ratio[1], ratio[0]])
    mixed = jnp.einsum("ide,e->id", gram, shared)
    crossed = ratio * turned
    slope = 2 * turned @ moment @ shared - 2 * crossed @ (mixed @ shared)
    # F'' = 2‖M^(-1/2)(v' − M'B)‖² + 2 v''ᵀB − BᵀM''B
    residual = turned @ moment - 2 * crossed @ mixed
    curvature = 2 * residual @ apply_inverse(residual) - 2 * ratio @ moment @ shared
    curvature -= 2 * (turned**2 - ratio**2) @ (mixed @ shared)
    step = -slope / lax.stop_gradient(jnp.where(curvature < 0, curvature, -jnp.inf))
    step = jnp.where(jnp.abs(step) < 1e-6, step, lax.stop_gradient(0 * step))
    return refine(ratio + step * turned, shared)
