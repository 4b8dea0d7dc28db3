r"""The certified maximum of the two-task objective over the ratio of the heads.

After `theory.linear.pencil` the two-task problem of width 1 is to maximise

    F(x) = Σ_j (p_j + x q_j)² / (λ_j + x² μ_j),      x = A_2/A_1 in ℝ ∪ {∞}.

With `r_j = √(μ_j/λ_j)` and `y = r_j x` every term is a combination of two functions,

    f_j = R_j²/2 − a_j T(y) + b_j H(y),   T = (y²−1)/(y²+1),   H = 2y/(y²+1),
    a_j = (p_j²/λ_j − q_j²/μ_j)/2,  b_j = p_jq_j/√(λ_jμ_j),  R_j² = p_j²/λ_j + q_j²/μ_j,

and `4(a_j² + b_j²) = R_j⁴`. In `τ = log|x|` these are a tanh and a sech, `T' = H²` and
`H' = −HT`, so all terms have one width, however small `λ_j/μ_j` is, and

    |f_j'''(τ)| ≤ (R_j²/2) |H| √(1 + 3H²) ≤ R_j² |H|.

A Taylor polynomial of order 2 with this remainder bounds `F` on an interval to third
order; branch and bound over few intervals then certifies the maximum. Near `x = 0`
the coordinate is `v = x/x_0` and `|f_j'''(v)| ≤ R_j² (6ε_j³ + 12ε_j⁴)` for `|v| ≤ 1`,
`ε_j = r_jx_0`: from `ψ = atan(εv)`, `f = R² cos²(ψ − φ)`, `|ψ'| ≤ ε`, `|ψ''|, |ψ'''| ≤
2ε³` by the chain rule. `x = ∞` is the same with the tasks exchanged. An interval on
which the bound on `F''` is negative is concave, and a Newton step closes it.

Derived here; the representation by warped angles is mathematics.md §2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from theory.linear.pencil import Pencil

# Sizes for which d = 20..100 close in a handful of rounds; larger ones only cost time.
FIRST_CELLS = 14
CAPACITY = 24
ROUNDS = 48
# Distance in log x from the outermost term at which the coordinate changes.
MARGIN = 1.5


class Maximum(NamedTuple):
    """The best point `(cos t, sin t)`, its value, and a bound that nothing exceeds."""

    direction: Float[Array, "2"]
    value: Float[Array, ""]
    upper_bound: Float[Array, ""]
    rounds: Int[Array, ""]


class _Terms(NamedTuple):
    """Terms that vary with `x`, the constant rest, and the ends of the log range."""

    amplitude: Float[Array, " d"]
    a: Float[Array, " d"]
    b: Float[Array, " d"]
    ratio: Float[Array, " d"]
    constant: Float[Array, ""]
    low: Float[Array, ""]
    high: Float[Array, ""]


class _Intervals(NamedTuple):
    """Intervals of the projective line.

    `far`: coordinates of the exchanged problem, 1/x. `sign`: branch of `log|x|`; 0 for
    the coordinate `v = x/x_0`. `centre` is where the Taylor polynomial is taken.
    """

    low: Float[Array, " n"]
    high: Float[Array, " n"]
    centre: Float[Array, " n"]
    sign: Float[Array, " n"]
    far: Bool[Array, " n"]
    alive: Bool[Array, " n"]


class _Taylor(NamedTuple):
    value: Float[Array, " n"]
    slope: Float[Array, " n"]
    curvature: Float[Array, " n"]
    third: Float[Array, " n"]


class _State(NamedTuple):
    intervals: _Intervals
    best: Float[Array, ""]
    at: tuple[Float[Array, ""], Bool[Array, ""]]
    dropped: Float[Array, ""]
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
        judges. The bound covers rounding in its own sums, not that of the pencil.
    """
    terms = _terms(pencil)
    # A gap of this size is rounding in sums of d terms of total size ΣR².
    d, eps = len(terms.a), jnp.finfo(terms.a.dtype).eps
    slop = 4 * d * eps * (jnp.sum(terms.amplitude) + terms.constant)
    first = _first_intervals(terms)
    zero = jnp.zeros((), terms.a.dtype)
    start = _State(
        first,
        -jnp.inf + zero,
        (zero, jnp.asarray(False)),
        -jnp.inf + zero,
        jnp.asarray(0),
    )
    start = _round(terms, slop, start, capacity)

    def going(state: _State) -> Bool[Array, ""]:
        return jnp.any(state.intervals.alive) & (state.round < rounds)

    final = lax.while_loop(going, lambda s: _round(terms, slop, s, capacity), start)
    # Intervals still alive when the rounds ran out are bounded by one more look.
    last = _bounds(final.intervals, _taylor(terms, final.intervals))
    still_open = jnp.max(jnp.where(final.intervals.alive, last, -jnp.inf))
    upper = jnp.maximum(jnp.maximum(final.best, final.dropped), still_open) + slop
    return Maximum(
        direction=_direction(*final.at),
        value=final.best + terms.constant,
        upper_bound=upper + terms.constant,
        rounds=final.round,
    )


def _terms(pencil: Pencil) -> _Terms:
    varies = (pencil.first > 0) & (pencil.second > 0)
    first, second = pencil.first, pencil.second
    near = pencil.p**2 / jnp.where(first > 0, first, 1)
    far = pencil.q**2 / jnp.where(second > 0, second, 1)
    ratio = jnp.sqrt(jnp.where(varies, second, 1) / jnp.where(varies, first, 1))
    cross = pencil.p * pencil.q / jnp.where(varies, jnp.sqrt(first * second), 1)
    amplitude = jnp.where(varies, near + far, 0)
    counts = amplitude > 0
    where = -jnp.log(ratio)
    low = jnp.min(jnp.where(counts, where, jnp.inf))
    high = jnp.max(jnp.where(counts, where, -jnp.inf))
    some = jnp.any(counts)
    return _Terms(
        amplitude=amplitude,
        a=jnp.where(varies, (near - far) / 2, 0),
        b=jnp.where(varies, cross, 0),
        ratio=jnp.where(counts, ratio, jnp.exp(-jnp.where(some, low, 0))),
        constant=jnp.sum(jnp.where(varies, 0, near + far)),
        low=jnp.where(some, low, 0) - MARGIN,
        high=jnp.where(some, high, 0) + MARGIN,
    )


def _first_intervals(terms: _Terms) -> _Intervals:
    """Equal cells of `log|x|` on both branches, and one cell each around 0 and ∞."""
    edges = jnp.linspace(0, 1, FIRST_CELLS + 1, dtype=terms.a.dtype)
    edges = terms.low + (terms.high - terms.low) * edges
    low, high = jnp.tile(edges[:-1], 2), jnp.tile(edges[1:], 2)
    ends, branch = jnp.ones(2, low.dtype), jnp.ones(FIRST_CELLS, low.dtype)
    low, high = jnp.append(low, -ends), jnp.append(high, ends)
    return _Intervals(
        low=low,
        high=high,
        centre=(low + high) / 2,
        sign=jnp.concatenate([branch, -branch, 0 * ends]),
        far=jnp.arange(len(low)) == len(low) - 1,
        alive=jnp.ones(len(low), bool),
    )


def _round(terms: _Terms, slop: Array, state: _State, capacity: int) -> _State:
    """Bound every interval, prune, and split or recentre the best of the rest."""
    intervals = state.intervals
    taylor = _taylor(terms, intervals)
    bound = _bounds(intervals, taylor)
    value = jnp.where(intervals.alive, taylor.value, -jnp.inf)
    winner = jnp.argmax(value)
    better = value[winner] > state.best
    best = jnp.maximum(state.best, value[winner])
    point = _point(terms, intervals)[winner], intervals.far[winner]
    at = (
        jnp.where(better, point[0], state.at[0]),
        jnp.where(better, point[1], state.at[1]),
    )
    bound = jnp.where(intervals.alive & (bound > best + slop), bound, -jnp.inf)
    # Each kept interval has two successors: its halves, or itself and nothing.
    kept_bound, kept = lax.top_k(bound, capacity // 2)
    dropped = jnp.max(bound.at[kept].set(-jnp.inf), initial=-jnp.inf)
    parents = jax.tree.map(lambda leaf: leaf[kept], intervals)
    taylor = jax.tree.map(lambda leaf: leaf[kept], taylor)
    return _State(
        intervals=_successors(parents, taylor, kept_bound > -jnp.inf),
        best=best,
        at=at,
        dropped=jnp.maximum(state.dropped, dropped),
        round=state.round + 1,
    )


def _successors(
    parents: _Intervals, taylor: _Taylor, alive: Bool[Array, " n"]
) -> _Intervals:
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


def _point(terms: _Terms, intervals: _Intervals) -> Float[Array, " n"]:
    """`x` at the centres, or `1/x` where `far`."""
    start = jnp.exp(jnp.where(intervals.far, -terms.high, terms.low))
    log = intervals.sign * jnp.exp(jnp.where(intervals.sign == 0, 0, intervals.centre))
    return jnp.where(intervals.sign == 0, start * intervals.centre, log)


def _taylor(terms: _Terms, intervals: _Intervals) -> _Taylor:
    """`F` less its constant, `F'`, `F''` at the centres and a bound on `|F'''|`."""
    x = _point(terms, intervals)
    ratio = jnp.where(intervals.far[:, None], 1 / terms.ratio, terms.ratio)
    a = jnp.where(intervals.far[:, None], -terms.a, terms.a)
    y = x[:, None] * ratio
    square, inverse = y * y, 1 / (1 + y * y)
    value = jnp.sum(terms.amplitude) / 2 + jnp.sum(
        (a * (1 - square) + 2 * terms.b * y) * inverse, axis=1
    )
    first = 2 * ratio * inverse**2 * (terms.b * (1 - square) - 2 * a * y)
    second = (
        4
        * (ratio * inverse) ** 2
        * inverse
        * (terms.b * y * (square - 3) - a * (1 - 3 * square))
    )
    slope, curvature = jnp.sum(first, axis=1), jnp.sum(second, axis=1)
    start = jnp.exp(jnp.where(intervals.far, -terms.high, terms.low))
    is_log = intervals.sign != 0
    step = jnp.where(is_log, x, start)
    reach = jnp.maximum(
        intervals.high - intervals.centre, intervals.centre - intervals.low
    )
    sech = jnp.minimum(1, jnp.exp(reach)[:, None] * 2 * jnp.abs(y) * inverse)
    small = start[:, None] * ratio
    third = jnp.where(is_log[:, None], sech, small**3 * (6 + 12 * small))
    return _Taylor(
        value=value,
        slope=slope * step,
        curvature=curvature * step**2 + jnp.where(is_log, slope * x, 0),
        third=third @ terms.amplitude,
    )


def _bounds(intervals: _Intervals, taylor: _Taylor) -> Float[Array, " n"]:
    """What `F` less its constant does not exceed on each interval."""
    low = intervals.low - intervals.centre
    high = intervals.high - intervals.centre
    reach = jnp.maximum(high, -low)

    def parabola(step: Float[Array, " n"]) -> Float[Array, " n"]:
        return taylor.slope * step + taylor.curvature * step**2 / 2

    safe = jnp.where(taylor.curvature < 0, taylor.curvature, -1)
    vertex = jnp.clip(-taylor.slope / safe, low, high)
    most = jnp.maximum(parabola(low), parabola(high))
    most = jnp.where(taylor.curvature < 0, jnp.maximum(most, parabola(vertex)), most)
    rise = most + taylor.third * reach**3 / 6
    # Concave: below its tangent, and below the tangent parabola of least curvature.
    curvature = taylor.curvature + taylor.third * reach
    tangent = jnp.maximum(taylor.slope * low, taylor.slope * high)
    strong = taylor.slope**2 / (-2 * jnp.where(curvature < 0, curvature, -1))
    concave = jnp.minimum(tangent, strong)
    rise = jnp.where(curvature < 0, jnp.minimum(rise, concave), rise)
    return taylor.value + rise


def _direction(x: Float[Array, ""], far: Bool[Array, ""]) -> Float[Array, "2"]:
    near = jnp.stack([jnp.ones_like(x), x])
    near = jnp.where(far, near[::-1], near)
    return near / jnp.sqrt(jnp.sum(near**2))
