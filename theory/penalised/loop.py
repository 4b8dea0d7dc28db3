"""The loop of all iterative routes: steps, a judgement, until the gap is closed."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from theory.penalised.duality import Judged, Problem, allowed, better

Iterate = TypeVar("Iterate")
# Steps between two evaluations of the gap, most steps, and evaluations without a gap
# smaller by a hundredth after which rounding is all that is left: far from the optimum,
# ill-conditioned tasks move as slowly as that.
BETWEEN, MOST, PATIENCE = 10, 100_000, 200


class Found(NamedTuple):
    """The best point, the best bound, and the number of steps."""

    best: Judged
    steps: Int[Array, ""]


class _State(NamedTuple):
    iterate: Any
    best: Judged
    steps: Int[Array, ""]
    mark: Float[Array, ""]
    stale: Int[Array, ""]


def until_closed(
    problem: Problem,
    tolerance: Float[Array, ""],
    best: Judged,
    iterate: Iterate,
    step: Callable[[Iterate], Iterate],
    judged: Callable[[Iterate], Judged],
) -> Found:
    """Take steps and judge every tenth, until the gap is `allowed` or stays.

    Neither the objective nor `D` need be monotone: the best of each is kept.
    """

    def going(state: _State) -> Array:
        gap = state.best.objective - state.best.bound
        wide = gap > allowed(problem, state.best.rounding, tolerance)
        return wide & (state.steps < MOST) & (state.stale < PATIENCE)

    def several(state: _State) -> _State:
        now = lax.fori_loop(0, BETWEEN, lambda _, it: step(it), state.iterate)
        best = better(state.best, judged(now))
        gap = best.objective - best.bound
        fell = gap < 0.99 * state.mark
        mark = jnp.where(fell, gap, state.mark)
        stale = jnp.where(fell, 0, state.stale + 1)
        return _State(now, best, state.steps + BETWEEN, mark, stale)

    none = jnp.zeros((), int)
    first = _State(iterate, best, none, best.objective - best.bound, none)
    last = lax.while_loop(going, several, first)
    return Found(last.best, last.steps)
