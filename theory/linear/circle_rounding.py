"""What rounding in the pencil may hide from the bounds on the two-task objective."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linear.circle_bounds import Intervals, Terms, point
from theory.linear.pencil import Pencil


class _Side(NamedTuple):
    """Terms and pencil in the coordinate of each interval: tasks exchanged if `far`."""

    first: Float[Array, "n d"]
    second: Float[Array, "n d"]
    ratio: Float[Array, "n d"]
    a: Float[Array, "n d"]
    least: Float[Array, " n"]
    most: Float[Array, " n"]


def rounding(
    pencil: Pencil, terms: Terms, intervals: Intervals
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """What rounding adds to `F` on each interval, and at its centre, to first order.

    With `b_j = (cp_j + sq_j)/(c²λ_j + s²μ_j)`, `(c, s) = (1, x)/√(1 + x²)`, and `u_j`
    the pencil's `uncertainty`, rounding in the matrices changes `F` by at most

        Σ_j u_j b_j² = Σ_j u_j f_j (1 + x²)/(λ_j + x²μ_j),

    and in the moments by as much again and `min_j u_j Σ_j R_j²`. Where one task has no
    curvature that is exact, as with few rows, and a term changes by `2u_j` of itself.
    Elsewhere the fraction is
    monotone in `|x|`; `f_j` is at most `R_j²`, and at most its value at the centre and
    the steepest rise from there: `R_j²/2` in `log x`, `R_j²ε_j` in `v`.

    Derived here.
    """
    side = _side(terms, intervals)
    at = jnp.abs(point(terms, intervals))
    y = point(terms, intervals)[:, None] * side.ratio
    half = terms.amplitude / 2
    value = half + (side.a * (1 - y * y) + 2 * terms.b * y) / (1 + y * y)
    value = jnp.clip(value, 0, terms.amplitude)
    reach = jnp.maximum(
        intervals.high - intervals.centre, intervals.centre - intervals.low
    )
    start = side.most[:, None]
    is_log = (intervals.sign != 0)[:, None]
    steep = jnp.where(is_log, half, 2 * half * start * side.ratio)
    most = jnp.minimum(terms.amplitude, value + steep * reach[:, None])
    ends = jnp.maximum(_weight(side, side.least), _weight(side, side.most))
    rest = _rest(pencil, terms)
    most, value = 2 * most * pencil.uncertainty, 2 * value * pencil.uncertainty
    hidden = _hidden(pencil, intervals, side.least, side.most)
    points = _hidden(pencil, intervals, at, at)
    return (
        jnp.sum(most * ends, axis=1) + rest + hidden,
        jnp.sum(value * _weight(side, at), axis=1) + rest + points,
    )


def rounding_anywhere(pencil: Pencil, terms: Terms) -> Float[Array, ""]:
    """What rounding adds to `F` anywhere: that of `rounding` on the whole circle.

    The fraction is at most `1/min(λ_j, μ_j)` and `f_j` at most `R_j²`; hidden moments
    add at most what their tasks have left.
    """
    weight = 1 / jnp.minimum(terms.first, terms.second)
    most = 2 * jnp.sum(pencil.uncertainty * terms.amplitude * weight)
    return most + _rest(pencil, terms) + jnp.sum(pencil.rest)


def _rest(pencil: Pencil, terms: Terms) -> Float[Array, ""]:
    """What rounding adds to `F` whatever the interval."""
    first, second = pencil.first, pencil.second
    alone = jnp.where(first > 0, pencil.p**2 / jnp.where(first > 0, first, 1), 0)
    alone += jnp.where(second > 0, pencil.q**2 / jnp.where(second > 0, second, 1), 0)
    fixed = jnp.where((first > 0) & (second > 0), 0, alone)
    everywhere = jnp.sum(terms.amplitude) + terms.constant
    return jnp.min(pencil.uncertainty) * everywhere + 2 * pencil.uncertainty @ fixed


def _side(terms: Terms, intervals: Intervals) -> _Side:
    is_log, far = intervals.sign != 0, intervals.far[:, None]
    start = jnp.exp(jnp.where(intervals.far, -terms.high, terms.low))
    return _Side(
        first=jnp.where(far, terms.second, terms.first),
        second=jnp.where(far, terms.first, terms.second),
        ratio=jnp.where(far, 1 / terms.ratio, terms.ratio),
        a=jnp.where(far, -terms.a, terms.a),
        least=jnp.where(is_log, jnp.exp(jnp.where(is_log, intervals.low, 0)), 0),
        most=jnp.where(is_log, jnp.exp(jnp.where(is_log, intervals.high, 0)), start),
    )


def _weight(side: _Side, x: Float[Array, " n"]) -> Float[Array, "n d"]:
    square = x[:, None] ** 2
    return (1 + square) / (side.first + square * side.second)


def _hidden(
    pencil: Pencil,
    intervals: Intervals,
    least: Float[Array, " n"],
    most: Float[Array, " n"],
) -> Float[Array, " n"]:
    """What hidden moments may add to `F`.

    Let task 2 hide a moment up to `h` where `λ ≈ 1` and `μ` is kept as `μ̂`, or dropped.
    There `(p + xh)² ≤ p² + 2|xph| + x²h²` bounds the term, `F` has at least
    `p² − 2|xph| − x²μ̂p²`, and `λ` is known to a quarter, so that it adds at most

        4|x p h| + 2x²h² + x²μ̂p²,

    and never more than the task's `rest`. The same with the tasks exchanged.
    """
    inverse = 1 / jnp.where(least > 0, least, 1)
    inverse = jnp.where(least > 0, inverse, jnp.inf)
    second = jnp.where(intervals.far, inverse, most)
    first = jnp.where(intervals.far, most, inverse)
    total = jnp.zeros_like(most)
    for task, (x, other) in enumerate(((first, pencil.q), (second, pencil.p))):
        moment = pencil.hidden[task]
        linear = 4 * jnp.sum(jnp.abs(moment * other))
        square = jnp.sum(2 * moment**2 + pencil.curved[task] * other**2)
        # inf * 0 where nothing is hidden: rest is 0 there too.
        x = jnp.where(pencil.rest[task] > 0, x, 0)
        rise = x * linear + x**2 * square
        total += jnp.minimum(pencil.rest[task], jnp.where(rise >= 0, rise, jnp.inf))
    return total
