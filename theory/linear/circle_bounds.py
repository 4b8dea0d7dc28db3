r"""Bounds on the two-task objective over intervals of the ratio of the heads.

`F(x) = Σ_j (p_j + x q_j)² / (λ_j + x² μ_j)` is that of `theory.linear.circle_search`.
With `r_j = √(μ_j/λ_j)` and `y = r_j x` every term is a combination of two functions,

    f_j = R_j²/2 − a_j T(y) + b_j H(y),   T = (y²−1)/(y²+1),   H = 2y/(y²+1),
    a_j = (p_j²/λ_j − q_j²/μ_j)/2,  b_j = p_jq_j/√(λ_jμ_j),  R_j² = p_j²/λ_j + q_j²/μ_j,

and `4(a_j² + b_j²) = R_j⁴`. In `τ = log|x|` these are a tanh and a sech, `T' = H²` and
`H' = −HT`, so all terms have one width, however small `λ_j/μ_j` is, and

    |f_j'''(τ)| ≤ (R_j²/2) |H| √(1 + 3H²) ≤ R_j² |H|.

Near `x = 0` the coordinate is `v = x/x_0` and `|f_j'''(v)| ≤ R_j² (6ε_j³ + 12ε_j⁴)` for
`|v| ≤ 1`, `ε_j = r_jx_0`: from `ψ = atan(εv)`, `f = R² cos²(ψ − φ)`, `|ψ'| ≤ ε`,
`|ψ''|, |ψ'''| ≤ 2ε³` by the chain rule. `x = ∞` is the same with the tasks exchanged.

Derived here.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from theory.linear.pencil import Pencil

# Distance in log x from the outermost term at which the coordinate changes.
MARGIN = 1.5


class Terms(NamedTuple):
    """Terms that vary with `x`, the constant rest, and the ends of the log range."""

    amplitude: Float[Array, " d"]
    a: Float[Array, " d"]
    b: Float[Array, " d"]
    ratio: Float[Array, " d"]
    first: Float[Array, " d"]
    second: Float[Array, " d"]
    constant: Float[Array, ""]
    low: Float[Array, ""]
    high: Float[Array, ""]


class Intervals(NamedTuple):
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


class Taylor(NamedTuple):
    """`F` less its constant, `F'`, `F''` at the centres and a bound on `|F'''|`."""

    value: Float[Array, " n"]
    slope: Float[Array, " n"]
    curvature: Float[Array, " n"]
    third: Float[Array, " n"]


def terms_of(pencil: Pencil) -> Terms:
    """Write the objective of a pencil as terms in `T` and `H`."""
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
    return Terms(
        amplitude=amplitude,
        a=jnp.where(varies, (near - far) / 2, 0),
        b=jnp.where(varies, cross, 0),
        ratio=jnp.where(counts, ratio, jnp.exp(-jnp.where(some, low, 0))),
        first=jnp.where(varies, first, 1),
        second=jnp.where(varies, second, 1),
        constant=jnp.sum(jnp.where(varies, 0, near + far)),
        low=jnp.where(some, low, 0) - MARGIN,
        high=jnp.where(some, high, 0) + MARGIN,
    )


def point(terms: Terms, intervals: Intervals) -> Float[Array, " n"]:
    """`x` at the centres, or `1/x` where `far`."""
    start = jnp.exp(jnp.where(intervals.far, -terms.high, terms.low))
    log = intervals.sign * jnp.exp(jnp.where(intervals.sign == 0, 0, intervals.centre))
    return jnp.where(intervals.sign == 0, start * intervals.centre, log)


def taylor_of(terms: Terms, intervals: Intervals) -> Taylor:
    """Expand `F` at the centres.

    In `x`, with `g = r/(1 + y²)`: `f' = −2g (bT + aH)` and
    `f'' = 4g² (bH(y² − 3)/2 − a(1 − 3y²)/(1 + y²))`.
    """
    # Terms along the first axis, so that sums over them run along the intervals.
    x, far = point(terms, intervals), intervals.far
    ratio, a, b, amplitude = (
        v[:, None] for v in (terms.ratio, terms.a, terms.b, terms.amplitude)
    )
    ratio, a = jnp.where(far, 1 / ratio, ratio), jnp.where(far, -a, a)
    y = x * ratio
    square = y * y
    inverse = 1 / (1 + square)
    t, h, g = (square - 1) * inverse, 2 * y * inverse, ratio * inverse
    start = jnp.exp(jnp.where(far, -terms.high, terms.low))
    is_log = intervals.sign != 0
    reach = jnp.maximum(
        intervals.high - intervals.centre, intervals.centre - intervals.low
    )
    sech = jnp.minimum(1, jnp.exp(reach) * jnp.abs(h))
    small = start * ratio
    value, first, second, third = _sums(
        b * h - a * t,
        -2 * g * (b * t + a * h),
        4 * g**2 * (b * h * (square - 3) / 2 - a * (1 - 3 * square) * inverse),
        amplitude * jnp.where(is_log, sech, small**3 * (6 + 12 * small)),
    )
    step = jnp.where(is_log, x, start)
    return Taylor(
        value=value + jnp.sum(amplitude) / 2,
        slope=first * step,
        curvature=second * step**2 + jnp.where(is_log, first * x, 0),
        third=third,
    )


def _sums(*terms: Float[Array, "d n"]) -> tuple[Float[Array, " n"], ...]:
    """Sums over the first axis, in one pass: separate ones compute all terms anew."""
    zero = jnp.zeros((), terms[0].dtype)

    def add(left: tuple, right: tuple) -> tuple:
        return tuple(x + y for x, y in zip(left, right, strict=True))

    return tuple(lax.reduce(terms, (zero,) * len(terms), add, (0,)))


def bounds(intervals: Intervals, taylor: Taylor) -> Float[Array, " n"]:
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
