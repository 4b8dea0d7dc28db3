"""Least squares with coefficients `≥ 0`, the core of MGDA, CAGrad and UPGrad."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

# Steps of the active set method for each column; some 2 are usual.
STEPS = 20


class _State(NamedTuple):
    value: Float[Array, " k"]
    free: Bool[Array, " k"]
    barred: Bool[Array, " k"]
    step: Int[Array, ""]
    done: Bool[Array, ""]


def nonnegative_least_squares(
    gram: Float[Array, "k k"], moment: Float[Array, " k"]
) -> Float[Array, " k"]:
    """Return `argmin_{v ≥ 0} ½ vᵀQv − cᵀv` for `Q = AᵀA`, `c = Aᵀb`.

    The active set method of Lawson and Hanson, chapter 23: a column whose slope
    `c − Qv` is positive becomes free, and on the way to the minimum over the free ones
    those that would turn negative are fixed at 0. Columns that depend on free ones have
    slope 0 and never become free, so dependent columns are allowed. jit- and
    vmap-compatible. Derivatives are those of the minimum over the free columns, so they
    hold where a small change frees and fixes no column.

    Args:
        gram: `Q`, of columns of unit norm, or zero where a column is zero.
        moment: `c`, of a vector `b` of at most unit norm, so that `8kε` is what
            rounding may leave of a slope of zero.

    Source: Lawson and Hanson 1974, chapter 23.
    """
    free = _free_columns(*lax.stop_gradient((gram, moment)))
    return _minimum(gram, moment, free)


def _free_columns(
    gram: Float[Array, "k k"], moment: Float[Array, " k"]
) -> Bool[Array, " k"]:
    k = len(moment)
    none = jnp.zeros(k, bool)
    start = _State(
        jnp.zeros_like(moment), none, none, jnp.asarray(0), jnp.asarray(False)
    )
    rounding = 8 * k * jnp.finfo(moment.dtype).eps

    def step(state: _State) -> _State:
        goal = _minimum(gram, moment, state.free)
        below = state.free & (goal <= 0)
        state = state._replace(step=state.step + 1)
        fixed, freed = _fix(state, goal, below), _release(state, goal)
        return _State(
            *(jnp.where(below.any(), a, b) for a, b in zip(fixed, freed, strict=True))
        )

    def _release(state: _State, goal: Float[Array, " k"]) -> _State:
        slope = jnp.where(state.free | state.barred, 0, moment - gram @ goal)
        best = jnp.argmax(slope)
        more = slope[best] > rounding
        free = state.free.at[best].set(state.free[best] | more)
        return state._replace(value=goal, free=free, done=~more)

    return lax.while_loop(
        lambda state: ~state.done & (state.step < STEPS * k), step, start
    ).free


def _fix(state: _State, goal: Float[Array, " k"], below: Bool[Array, " k"]) -> _State:
    """Go towards the goal as far as signs allow; a column that stops it is fixed.

    A column that stops it at once was freed by rounding alone, and is barred until
    there is progress.
    """
    room = jnp.where(below, state.value - goal, 1)
    length = jnp.where(below, state.value / jnp.where(room > 0, room, 1), jnp.inf)
    shortest = jnp.min(length)
    value = state.value + jnp.where(below.any(), shortest, 0) * (goal - state.value)
    stops = below & (length <= shortest)
    barred = jnp.where(shortest > 0, False, state.barred | stops)
    return state._replace(
        value=jnp.where(stops, 0, jnp.maximum(value, 0)),
        free=state.free & ~stops,
        barred=barred,
    )


def _minimum(
    gram: Float[Array, "k k"], moment: Float[Array, " k"], free: Bool[Array, " k"]
) -> Float[Array, " k"]:
    """Solve `Q v = c` over the free columns, with zero elsewhere."""
    both = free[:, None] & free
    kept = jnp.where(both, gram, jnp.eye(len(moment), dtype=gram.dtype))
    return jnp.linalg.solve(kept, jnp.where(free, moment, 0))
