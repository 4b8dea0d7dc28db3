"""Accelerated proximal gradient on statistics, until the gap is closed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.penalised.duality import Problem, judge
from theory.penalised.loop import Found, until_closed
from theory.penalised.penalty import Penalty

POWER_STEPS = 12


class _Iterate(NamedTuple):
    """`W`, what it sees, the same at the extrapolated point, momentum and step."""

    point: Float[Array, "k d"]
    seen: Float[Array, "k d"]
    ahead: Float[Array, "k d"]
    ahead_seen: Float[Array, "k d"]
    momentum: Float[Array, ""]
    lipschitz: Float[Array, ""]


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

    jit- and vmap-compatible, over penalties' strengths and statistics alike.
    """
    zero = jnp.zeros_like(start)
    best = judge(problem, penalty, zero, zero)
    seen = problem.seen(start)
    one = jnp.ones_like(best.objective)
    iterate = _Iterate(start, seen, start, seen, one, _curvature(problem, penalty))
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
    point = penalty.proximal(now.ahead + slope / now.lipschitz, 1 / now.lipschitz)
    seen = problem.seen(point)
    change, moved = point - now.ahead, seen - now.ahead_seen
    length = jnp.sum(change**2)
    bent = jnp.sum(problem.weights[:, None] * change * moved) + penalty.ridge * length
    # Rounding of `moved` is no curvature.
    size = jnp.sum(point**2)
    steep = (bent > 1.001 * now.lipschitz * length) & (length > 1e-16 * size)
    grown = jnp.maximum(2 * now.lipschitz, bent / jnp.where(steep, length, 1))
    against = jnp.sum((now.ahead - point) * (point - now.point)) > 0
    momentum = jnp.where(against, 1, (1 + jnp.sqrt(1 + 4 * now.momentum**2)) / 2)
    share = jnp.where(against, 0, (now.momentum - 1) / momentum)
    taken = _Iterate(
        point,
        seen,
        point + share * (point - now.point),
        seen + share * (seen - now.seen),
        momentum,
        now.lipschitz,
    )
    kept = now._replace(lipschitz=grown)
    return _Iterate(*(jnp.where(steep, a, b) for a, b in zip(kept, taken, strict=True)))


def _curvature(problem: Problem, penalty: Penalty) -> Float[Array, ""]:
    """`max α_iλ_max(G_i) + ρ`, from below, by power iteration.

    All `G_i` at once; the largest of column sums of squares starts it, so that it is
    never below the largest entry of the diagonal.
    """
    diagonal = jnp.diagonal(problem.gram, axis1=1, axis2=2)
    start = jnp.sqrt(jnp.maximum(diagonal, 0))

    def normed(vector: Array) -> Array:
        size = jnp.linalg.norm(vector, axis=1, keepdims=True)
        return vector / jnp.where(size > 0, size, 1)

    def again(_: Array, vector: Array) -> Array:
        return normed(jnp.einsum("gde,ge->gd", problem.gram, vector))

    vector = lax.fori_loop(0, POWER_STEPS, again, normed(start))
    seen = jnp.einsum("gde,ge->gd", problem.gram, vector)
    least = jnp.maximum(jnp.linalg.norm(seen, axis=1), jnp.max(diagonal, axis=1))
    found = 1.05 * jnp.max(problem.weights * least) + penalty.ridge
    return jnp.where(found > 0, found, 1)
