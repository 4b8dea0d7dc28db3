"""The scalar equation behind the limiting risk of two pooled samples; break-even."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

# Halley trebles the digits once near, and a step that does not halve is replaced by
# a bisection in log y: 64 of those alone would exhaust any bracket of doubles.
STEPS = 100
# A Halley step of this size leaves an error of its cube, below a rounding of log y.
LAST = 3e-6
# As many sums run side by side, in the registers of a processor.
LANES = 20


@jax.custom_jvp
def source_ratio(
    n_source: Float[Array, "*#batch"],
    n_target: Float[Array, "*#batch"],
    dimension: Float[Array, "*#batch"],
    spectrum: Float[Array, "*#batch p"],
) -> Float[Array, "*batch"]:
    """Solve `(n − p) y/(1 + y) + Σ_j s_j y/(1 + s_j y) = n_1` for `y ≥ 0`.

    `n = n_1 + n_2`, and `s_j` are the eigenvalues of `Σ_1` where `Σ_2 = I`. The
    resolvent `(S_1 + S_2)⁻¹` is close to `(c_1Σ_1 + c_2 I)⁻¹` with
    `c_i = n_i/(1 + tr Σ_i(c_1Σ_1 + c_2)⁻¹)`; those two equations sum to
    `c_1 + c_2 = n − p`, and `y = c_1/c_2` leaves the one above. It is
    equation (3.1) of docs/mathematics.md, "Covariate shift only".

    For `n > p` every term increases in `y`, and the sum goes from 0 to
    `(n − p) + p = n > n_1`: one solution. With `lo ≤ 1, s_j ≤ hi` the left side is
    between `n lo y/(1 + lo y)` and `n hi y/(1 + hi y)`, and these equal `n_1` at the
    ends of the bracket `n_1/(n_2 hi) ≤ y ≤ n_1/(n_2 lo)`.

    Halley's step is taken for the logit of the left side over `n`, whose slope in
    `log y` is between 0 and 1 and near 1 for spectra that are not wide; bisection in
    `log y` takes over where it does not halve its step. Derivatives of every order
    are by the implicit function theorem.

    Args:
        n_source: `n_1 ≥ 0`; 0 gives 0.
        n_target: `n_2 > 0`, with `n_1 + n_2 > p`; this is not checked.
        dimension: `p`, shared equally among the eigenvalues.
        spectrum: `s_j > 0`.

    Source: derived here.
    """
    solved = n_source > 0
    first = jnp.where(solved, n_source, 1)
    low = 1 / jnp.maximum(jnp.max(spectrum, axis=-1), 1)
    high = 1 / jnp.minimum(jnp.min(spectrum, axis=-1), 1)
    shape = jnp.broadcast_shapes(first.shape, n_target.shape, dimension.shape)
    shape = jnp.broadcast_shapes(shape, low.shape)
    # The unknown is z = y n_2/n_1, so that no exponential is taken of n_1 -> 0.
    low, high = jnp.broadcast_to(low, shape), jnp.broadcast_to(high, shape)
    start = (low, high, jnp.ones(shape), jnp.log(high / low))

    def active(state: tuple) -> Bool[Array, ""]:
        return (state[0] < STEPS) & jnp.any(~state[2])

    def advance(state: tuple) -> tuple:
        step, (low, high, z, last), done = state
        y = z * first / n_target
        residual, move = _halley(y, first, n_target, dimension, spectrum)
        low, high = jnp.where(residual < 0, z, low), jnp.where(residual < 0, high, z)
        moved = z * jnp.exp(-move)
        good = (moved >= low) & (moved <= high) & (jnp.abs(move) < last / 2)
        middle = jnp.sqrt(low) * jnp.sqrt(high)
        small = jnp.abs(move) < LAST
        moved = jnp.where(good | small, jnp.clip(moved, low, high), middle)
        last = jnp.where(good, jnp.abs(move), jnp.log(high / low))
        # Every later step of a member that is done is kept from changing it.
        moved, last = jnp.where(done, z, moved), jnp.where(done, state[1][3], last)
        return step + 1, (low, high, moved, last), done | small | (last == 0)

    _, (_, _, z, _), _ = lax.while_loop(
        active, advance, (0, start, jnp.zeros(shape, bool))
    )
    return jnp.where(solved, z * first / n_target, 0)


@source_ratio.defjvp
def _source_ratio_jvp(primals: tuple, tangents: tuple) -> tuple:
    y = source_ratio(*primals)
    _, change = jax.jvp(lambda *arguments: _left(y, *arguments), primals, tangents)
    slope = jax.jvp(lambda z: _left(z, *primals), (y,), (jnp.ones_like(y),))[1]
    return y, -change / slope


def _left(
    y: Array, n_source: Array, n_target: Array, dimension: Array, spectrum: Array
) -> Array:
    """`(n − p) y/(1 + y) + Σ s_j y/(1 + s_j y) − n_1`."""
    weight = dimension / spectrum.shape[-1]
    seen = jnp.sum(spectrum / (1 + spectrum * y[..., None]), axis=-1)
    excess = n_source + n_target - dimension
    return y * (excess / (1 + y) + weight * seen) - n_source


def _halley(
    y: Array, n_source: Array, n_target: Array, dimension: Array, spectrum: Array
) -> tuple[Array, Array]:
    """The residual of the equation at `y`, and minus Halley's step in `log y`.

    A term `x/(1 + x)` with `x > 1` is written `1 − 1/(1 + x)`. The ones are counted,
    exactly, so that what remains is rounded to its own size: the solution keeps its
    digits where eigenvalues lie decades apart and the equation is nearly flat.
    """
    weight = dimension / spectrum.shape[-1]
    excess = n_source + n_target - dimension
    x = spectrum * y[..., None]
    large, v = x > 1, 1 / (1 + x)
    u = x * v
    mixed = u * v
    together = sums(
        large.astype(v.dtype), jnp.where(large, -v, u), mixed, mixed * (v - u)
    )
    ones, parts, slope, bend = (weight * value for value in together)
    above = y > 1
    parts += excess * jnp.where(above, -1, y) / (1 + y)
    count = jnp.where(above, n_target - (dimension - ones), ones - n_source)
    residual = parts + count
    of_target = excess * y / (1 + y) ** 2
    slope, bend = slope + of_target, bend + of_target * (1 - y) / (1 + y)
    # logit(L/n) − logit(n_1/n), L = n_1 + residual. Rounding may put L on an end.
    up = jnp.maximum(n_source + residual, jnp.finfo(y.dtype).tiny)
    down = jnp.maximum(n_target - residual, jnp.finfo(y.dtype).tiny)
    logit = jnp.log(up / n_source) - jnp.log(down / n_target)
    near = jnp.abs(residual) < 0.1 * jnp.minimum(n_source, n_target)
    safe = jnp.where(near, residual, 0)
    exact = jnp.log1p(safe / n_source) - jnp.log1p(-safe / n_target)
    logit = jnp.where(near, exact, logit)
    step = logit * up * down / ((n_source + n_target) * slope)
    # Half of the logit's second derivative over its first.
    curve = (bend / slope - slope * (1 / up - 1 / down)) / 2
    return residual, step / jnp.clip(1 - step * curve, 0.5, 2)


@jax.custom_jvp
def sums(*terms: Float[Array, "*#batch p"]) -> tuple[Float[Array, "*batch"], ...]:
    """`Σ_j` of each of the terms, over the last axis.

    XLA compiles one reduction of several operands to one pass on a CPU, and reductions
    one by one to slow passes each. Within a pass it adds one after the other, each
    waiting for the last; 20 sums of every 20th term wait for nothing. Measured for
    four sums over 10⁴ x 100 and what they are sums of: 2.1 ms, and 1.2 in lanes.
    Derivatives are those of plain sums, of every order.
    """
    shape = jnp.broadcast_shapes(*(term.shape for term in terms))
    operands = tuple(jnp.broadcast_to(term, shape) for term in terms)
    count, whole = shape[-1], shape[-1] - shape[-1] % LANES
    if whole <= LANES:
        return _reduced(operands)
    lanes = (*shape[:-1], count // LANES, LANES)
    rows = tuple(term[..., :whole].reshape(lanes) for term in operands)
    found = _reduced(_reduced(rows, axis=-2))
    if whole == count:
        return found
    return _add(found, _reduced(tuple(term[..., whole:] for term in operands)))


def _reduced(operands: tuple, axis: int = -1) -> tuple:
    zero = tuple(jnp.zeros((), term.dtype) for term in operands)
    dimension = operands[0].ndim + axis
    return tuple(lax.reduce(operands, zero, _add, (dimension,)))


@sums.defjvp
def _sums_jvp(primals: tuple, tangents: tuple) -> tuple:
    value = sums(*primals)
    change = tuple(jnp.sum(tangent, axis=-1) for tangent in tangents)
    return value, tuple(
        jnp.broadcast_to(one, total.shape)
        for one, total in zip(change, value, strict=True)
    )


def _add(left: tuple, right: tuple) -> tuple:
    return tuple(a + b for a, b in zip(left, right, strict=True))


def break_even(
    ratio: Float[Array, "*#batch"],
    n_target: Float[Array, "*#batch"],
    dimension: Float[Array, "*#batch"],
    spectrum: Float[Array, "*#batch p"],
) -> Float[Array, "*batch"]:
    """Single-task risk over `2μ²` at which the limiting gain is zero.

    In the terms of `theory.risk.pooled`, with `n_1` eliminated by its equation,
    `m = (1 + y)K`, `K = n_2 − Σ v_j = n_2 − p + Σ u_j`, the gain is zero where
    `ℓ = σ²p/[2μ²(n_2 − p)]` is

        Φ(y) = [(P + yK) Σu_j² + P²] / {Σu_j [(1 + y)P + yK]},

    and sharing pays where `Φ < ℓ`. `Φ` depends on neither `σ²` nor `μ²`: the
    crossings of any noise and shift are level sets of one curve.
    As `Σu_j² = Σu_j − P`, `1 − Φ = yP(K + Σu_j)/{Σu_j [(1 + y)P + yK]} > 0`: where the
    single-task risk is at least `2μ²`, sharing pays for every spectrum and every
    `n_1 > 0`. `Φ(0) = Σs_j/(Σs_j + n_2 − p)`. Nothing but `n_2 − p` is subtracted.

    Derivation: `variance = σ² Σv/K`, so what the variance gains on `σ²p/(n_2−p)` is
    `σ²n_2 Σu/[(n_2−p)K]`; the bias is `2μ²n_2/[p(1+y)K]` times
    `[(P + yK)Σu² + P²]/[P + yK/(1+y)]`.

    Each sum `A` here is of positive terms whose logarithms have slopes in `log y`
    within fixed bounds (`u`: `v`, `v`: `−u`). The numerator's are in [−2, 4], the
    denominator's in [−1, 3], so `|d log Φ/d log y| ≤ 5`.

    Args:
        ratio: `y ≥ 0` of `source_ratio`.
        n_target: `n_2 > p`, not checked.
        dimension: `p`.
        spectrum: `s_j > 0`.

    Source: derived here.
    """
    weight = dimension / spectrum.shape[-1]
    v = 1 / (1 + spectrum * ratio[..., None])
    seen = spectrum * v
    # Over y: Σ u, P and Σ u², so that y = 0 is no exception.
    together = sums(seen, seen * v, seen**2)
    first, mixed, squares = (weight * value for value in together)
    squares *= ratio
    rest = n_target - dimension + ratio * first
    top = (mixed + rest) * squares + mixed**2
    return top / (first * ((1 + ratio) * mixed + rest))


def source_size(
    ratio: Float[Array, "*#batch"],
    n_target: Float[Array, "*#batch"],
    dimension: Float[Array, "*#batch"],
    spectrum: Float[Array, "*#batch p"],
) -> Float[Array, "*batch"]:
    """`n_1 = y[n_2 − p + (1 + y) Σ s_j/(1 + s_jy)]`, the inverse of `source_ratio`.

    It increases in `y`: its slope `n_2 + Σ (s_j−1)/(1+s_jy)²` exceeds `n_2 − p`.
    """
    weight = dimension / spectrum.shape[-1]
    seen = weight * jnp.sum(spectrum / (1 + spectrum * ratio[..., None]), axis=-1)
    return ratio * (n_target - dimension + (1 + ratio) * seen)
