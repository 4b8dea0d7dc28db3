r"""The certified maximum of the two-task objective over the ratio of the heads.

After `theory.linear.pencil` the two-task problem of width 1 is to maximise

    F(x) = Σ_j (p_j + x q_j)² / (λ_j + x² μ_j),      x = A_2/A_1 in ℝ ∪ {∞}.

`theory.linear.circle_bounds` bounds `F` on an interval to third order; branch and
bound over few intervals then certifies the maximum. An interval on which the bound on
`F''` is negative is concave, and a Newton step closes it.

Derived here; warped angles: docs/mathematics.md, "Two tasks, one direction".
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from theory.linear.circle_bounds import (
    Intervals,
    Taylor,
    Terms,
    bounds,
    point,
    taylor_of,
    terms_of,
)
from theory.linear.circle_rounding import rounding, rounding_anywhere
from theory.linear.pencil import Pencil

# Sizes for which d = 20..100 close in a handful of rounds; larger ones only cost time.
FIRST_CELLS = 14
# A first search keeps few intervals; one that needs more is run again with all.
FEW = 12
CAPACITY = 24
ROUNDS = 48
# Share of the value that rounding may have before it is looked at more closely: a
# quarter of what a certificate allows.
ENOUGH = 2.5e-10


class Maximum(NamedTuple):
    """The best point `(cos t, sin t)`, its value, and a bound that nothing exceeds."""

    direction: Float[Array, "2"]
    value: Float[Array, ""]
    upper_bound: Float[Array, ""]
    rounds: Int[Array, ""]


# What rounding adds to F on each interval, and at its centre.
Hides = Callable[[Intervals], tuple[Float[Array, "*n"], Float[Array, "*n"]]]


class _State(NamedTuple):
    intervals: Intervals
    best: Float[Array, ""]
    at: tuple[Float[Array, ""], Bool[Array, ""]]
    dropped: Float[Array, ""]  # bound on all intervals let go
    open: Float[Array, ""]  # bound on those that are alive
    round: Int[Array, ""]


def maximise(
    pencil: Pencil, *, capacity: int = CAPACITY, rounds: int = ROUNDS
) -> Maximum:
    """Maximise `F` and bound it from above.

    Args:
        pencil: The two tasks.
        capacity: Intervals kept at a time; what does not fit stays in the bound.
        rounds: Most rounds of bounding, pruning and splitting.

    Returns:
        The maximum; certified if `upper_bound` is close to `value`, which the caller
        judges. The bound covers rounding in its own sums and what the pencil's
        `uncertainty` does anywhere on the circle, not at the maximum alone.
    """
    terms = terms_of(pencil)
    # Rounding in sums of d terms of total size ΣR²; pruning gives away as much again.
    d, eps = len(terms.a), jnp.finfo(terms.a.dtype).eps
    slop = 4 * d * eps * (jnp.sum(terms.amplitude) + terms.constant)
    zero = jnp.zeros((), terms.a.dtype)
    state = _State(
        _first_intervals(terms, FIRST_CELLS),
        -jnp.inf + zero,
        (zero, jnp.asarray(False)),
        -jnp.inf + zero,
        jnp.inf + zero,
        jnp.asarray(0),
    )
    plain = partial(_round, terms, slop, FEW, lambda _: (zero, zero))
    state = _run(plain, plain(state), rounds)
    hidden = rounding_anywhere(pencil, terms)
    upper = _upper(state) + hidden
    value = state.best + terms.constant
    # Rarely this leaves more than a share: few intervals did not do, or what rounding
    # hides anywhere is more than it hides near the maximum. Then the search is run
    # again; under vmap a loop that no member needs costs nothing, unlike a branch.
    settled = upper - state.best <= ENOUGH * value
    cells = min(FIRST_CELLS, capacity // 2 - 1)
    close = partial(_round, terms, slop, capacity, partial(rounding, pencil, terms))
    again = state._replace(
        intervals=_padded(_first_intervals(terms, cells), capacity),
        dropped=-jnp.inf + zero,
        open=jnp.inf + zero,
        round=jnp.where(settled, rounds, 0),
    )
    again = _run(close, again, rounds)
    upper = jnp.where(settled, upper, _upper(again)) + 2 * slop
    return Maximum(
        direction=_direction(*again.at),
        value=again.best + terms.constant,
        upper_bound=upper + terms.constant,
        rounds=state.round + jnp.where(settled, 0, again.round),
    )


def _run(step: Callable[[_State], _State], start: _State, rounds: int) -> _State:
    def going(state: _State) -> Bool[Array, ""]:
        return jnp.any(state.intervals.alive) & (state.round < rounds)

    return lax.while_loop(going, step, start)


def _upper(state: _State) -> Float[Array, ""]:
    """What nothing exceeds, with intervals that the rounds left open."""
    return jnp.maximum(state.best, jnp.maximum(state.dropped, state.open))


def _first_intervals(terms: Terms, cells: int) -> Intervals:
    """Equal cells of `log|x|` on both branches, and one cell each around 0 and ∞."""
    edges = jnp.linspace(0, 1, cells + 1, dtype=terms.a.dtype)
    edges = terms.low + (terms.high - terms.low) * edges
    low, high = jnp.tile(edges[:-1], 2), jnp.tile(edges[1:], 2)
    ends, branch = jnp.ones(2, low.dtype), jnp.ones(cells, low.dtype)
    low, high = jnp.append(low, -ends), jnp.append(high, ends)
    return Intervals(
        low=low,
        high=high,
        centre=(low + high) / 2,
        sign=jnp.concatenate([branch, -branch, 0 * ends]),
        far=jnp.arange(len(low)) == len(low) - 1,
        alive=jnp.ones(len(low), bool),
    )


def _padded(intervals: Intervals, least: int) -> Intervals:
    """As many as `least`, by copies that are not alive."""
    count = max(least - len(intervals.low), 0)
    padded = jax.tree.map(lambda leaf: jnp.pad(leaf, (0, count), "edge"), intervals)
    dead = jnp.arange(len(padded.low)) >= len(intervals.low)
    return padded._replace(alive=padded.alive & ~dead)


def _round(
    terms: Terms, slop: Array, capacity: int, hides: Hides, state: _State
) -> _State:
    """Bound every interval, prune, and split or recentre the best of the rest."""
    intervals = state.intervals
    taylor = taylor_of(terms, intervals)
    bound = bounds(intervals, taylor)
    value = jnp.where(intervals.alive, taylor.value, -jnp.inf)
    winner = jnp.argmax(value)
    better = value[winner] > state.best
    best = jnp.maximum(state.best, value[winner])
    found = point(terms, intervals)[winner], intervals.far[winner]
    at = (
        jnp.where(better, found[0], state.at[0]),
        jnp.where(better, found[1], state.at[1]),
    )
    hidden, least_hidden = hides(intervals)
    inflated = jnp.where(intervals.alive, bound + hidden, -jnp.inf)
    # Halving an interval also halves what rounding hides in it, down to a point's.
    loose = inflated > best + slop + ENOUGH * (best + terms.constant)
    loose &= hidden > 2 * least_hidden
    goes_on = intervals.alive & ((bound > best + slop) | loose)
    bound = jnp.where(goes_on, bound, -jnp.inf)
    # Each kept interval has two successors: its halves, or itself and nothing.
    kept_bound, kept = lax.top_k(bound, capacity // 2)
    goes_on = jnp.zeros(len(bound), bool).at[kept].set(kept_bound > -jnp.inf)
    dropped = jnp.max(jnp.where(goes_on, -jnp.inf, inflated))
    parents = jax.tree.map(lambda leaf: leaf[kept], intervals)
    taylor = jax.tree.map(lambda leaf: leaf[kept], taylor)
    return _State(
        intervals=_successors(parents, taylor, kept_bound > -jnp.inf),
        best=best,
        at=at,
        dropped=jnp.maximum(state.dropped, dropped),
        open=jnp.max(jnp.where(goes_on, inflated, -jnp.inf)),
        round=state.round + 1,
    )


def _successors(
    parents: Intervals, taylor: Taylor, alive: Bool[Array, " n"]
) -> Intervals:
    reach = jnp.maximum(parents.high - parents.centre, parents.centre - parents.low)
    concave = taylor.curvature + taylor.third * reach < 0
    bends = taylor.curvature < 0
    newton = parents.centre - taylor.slope / jnp.where(bends, taylor.curvature, -1)
    middle = (parents.low + parents.high) / 2

    def centre(low: Float[Array, " n"], high: Float[Array, " n"]) -> Array:
        """Where a maximum is expected, if in the interval: it may close it at once."""
        inside = bends & (newton > low) & (newton < high)
        return jnp.where(inside, newton, (low + high) / 2)

    left = parents._replace(
        high=jnp.where(concave, parents.high, middle),
        centre=jnp.where(
            concave,
            jnp.clip(newton, parents.low, parents.high),
            centre(parents.low, middle),
        ),
        alive=alive,
    )
    right = parents._replace(
        low=middle, centre=centre(middle, parents.high), alive=alive & ~concave
    )
    return jax.tree.map(lambda x, y: jnp.concatenate([x, y]), left, right)


def _direction(x: Float[Array, ""], far: Bool[Array, ""]) -> Float[Array, "2"]:
    near = jnp.stack([jnp.ones_like(x), x])
    near = jnp.where(far, near[::-1], near)
    return near / jnp.sqrt(jnp.sum(near**2))
