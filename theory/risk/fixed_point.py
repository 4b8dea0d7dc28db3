"""The scalar equation behind the limiting risk of two pooled samples."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from theory.risk.sums import sums

# Halley trebles the digits once near, and a step that does not halve is replaced by
# a bisection in log y: 64 of those alone would exhaust any bracket of doubles.
STEPS = 100
# A Halley step of this size leaves an error of its cube, below a rounding of log y.
LAST = 3e-6


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
