"""Accelerated proximal gradient on statistics, until the gap is closed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.penalised.duality import Problem, judge
from theory.penalised.loop import Found, until_closed
from theory.penalised.penalty import Penalty, RowSparse

POWER_STEPS = 12


class _Iterate(NamedTuple):
    """`W`, what it sees, the same at the extrapolated point, momentum and step."""

    point: Float[Array, "k d"]
    seen: Float[Array, "k d"]
    ahead: Float[Array, "k d"]
    ahead_seen: Float[Array, "k d"]
    momentum: Float[Array, ""]
    lipschitz: Float[Array, ""]
    metric: Float[Array, "*d"]


@jax.jit
def descend(
    problem: Problem,
    penalty: Penalty,
    start: Float[Array, "k d"],
    tolerance: Float[Array, ""],
) -> Found:
    """Minimise `F` from a start, until its gap is `allowed` or rounding stops it.

    FISTA with step `1/L` (Beck and Teboulle 2009), restarted where the step and the
    gradient disagree (O'Donoghue and Candès 2015). `G_iw_i` is computed once a step,
    at the new point, and is linear for the extrapolated one. It also tells the
    curvature along the step: if it is above `L`, which power iteration only estimates,
    the step is not taken and `L` grows. Zero is tried first, so that a strength that
    makes `W` zero gives it exactly.

    Where `R` is a sum over features each has a step of its own, `1/(L m_j)` with
    `m_j = max_i α_iG_i,jj + ρ`: the map of the sum falls apart in any such metric, and
    the units of features do not matter. The trace norms have one step for all.

    jit- and vmap-compatible, over penalties' strengths and statistics alike.
    """
    zero = jnp.zeros_like(start)
    best = judge(problem, penalty, zero, zero)
    seen = problem.seen(start)
    one, metric = jnp.ones_like(best.objective), _metric(problem, penalty)
    curvature = _curvature(problem, penalty, metric)
    iterate = _Iterate(start, seen, start, seen, one, curvature, metric)
    return until_closed(
        problem,
        tolerance,
        best,
        iterate,
        lambda now: _step(problem, penalty, now),
        lambda now: judge(problem, penalty, now.point, now.seen),
    )


def _step(problem: Problem, penalty: Penalty, now: _Iterate) -> _Iterate:
    """One proximal step from the extrapolated point, or a larger `L`."""
    slope = problem.slope(now.ahead, now.ahead_seen, penalty.ridge)
    metric = now.metric
    step = 1 / (now.lipschitz * metric)
    point = penalty.proximal(now.ahead + step * slope, step)
    seen = problem.seen(point)
    change, moved = point - now.ahead, seen - now.ahead_seen
    length = jnp.sum(metric * change**2)
    bent = jnp.sum(problem.weights[:, None] * change * moved)
    bent += penalty.ridge * jnp.sum(change**2)
    # Rounding of `moved` is no curvature.
    size = jnp.sum(metric * point**2)
    steep = (bent > 1.001 * now.lipschitz * length) & (length > 1e-16 * size)
    grown = jnp.maximum(2 * now.lipschitz, bent / jnp.where(steep, length, 1))
    against = jnp.sum(metric * (now.ahead - point) * (point - now.point)) > 0
    momentum = jnp.where(against, 1, (1 + jnp.sqrt(1 + 4 * now.momentum**2)) / 2)
    share = jnp.where(against, 0, (now.momentum - 1) / momentum)
    taken = _Iterate(
        point,
        seen,
        point + share * (point - now.point),
        seen + share * (seen - now.seen),
        momentum,
        now.lipschitz,
        metric,
    )
    kept = now._replace(lipschitz=grown)
    return _Iterate(*(jnp.where(steep, a, b) for a, b in zip(kept, taken, strict=True)))


def _metric(problem: Problem, penalty: Penalty) -> Float[Array, "*d"]:
    """`m_j` where `R` is a sum over features, else 1; 1 for a feature that is zero."""
    if not isinstance(penalty, RowSparse):
        return jnp.ones(())
    diagonal = jnp.diagonal(problem.gram, axis1=1, axis2=2)
    own = jnp.max(problem.weights[:, None] * diagonal, axis=0) + penalty.ridge
    return jnp.where(own > 0, own, 1)


def _curvature(
    problem: Problem, penalty: Penalty, metric: Float[Array, "*d"]
) -> Float[Array, ""]:
    """`max α_iλ_max(M^-½G_iM^-½) + ρ/min m`, from below, by power iteration.

    All `G_i` at once; the largest of column sums of squares starts it, so that it is
    never below the largest entry of the diagonal.
    """
    scale = 1 / jnp.sqrt(metric)
    diagonal = scale**2 * jnp.diagonal(problem.gram, axis1=1, axis2=2)
    start = jnp.sqrt(jnp.maximum(diagonal, 0))

    def image(vector: Array) -> Array:
        return scale * jnp.einsum("gde,ge->gd", problem.gram, scale * vector)

    def normed(vector: Array) -> Array:
        size = jnp.linalg.norm(vector, axis=1, keepdims=True)
        return vector / jnp.where(size > 0, size, 1)

    def again(_: Array, vector: Array) -> Array:
        return normed(image(vector))

    vector = lax.fori_loop(0, POWER_STEPS, again, normed(start))
    least = jnp.maximum(
        jnp.linalg.norm(image(vector), axis=1), jnp.max(diagonal, axis=1)
    )
    ridge = penalty.ridge * jnp.max(scale**2)
    found = 1.05 * jnp.max(problem.weights * least) + ridge
    return jnp.where(found > 0, found, 1)
