"""Combiners with weights on the simplex: MGDA and CAGrad."""

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike as Number
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from theory.arguments import check_array
from theory.combiners.nonnegative import nonnegative_least_squares
from theory.combiners.rows import check_gradients, unit_rows, weight_of_zeros

# Each step halves the logarithmic bracket of ‖g_w‖, which starts below 53 octaves.
BISECTIONS = 60


def min_norm_weights(gradients: ArrayLike) -> Float[Array, " k"]:
    """Weights of MGDA: `argmin ‖Σ_i w_i g_i‖` over `w_i ≥ 0`, `Σ w_i = 1`.

    With `a_i = (g_i, s)` for any `s > 0`, let `v ≥ 0` minimise `‖Σ v_i a_i − (0, s)‖²`.
    Along `v = tw` this is `t²N + s²(1 − t)²` with `N = ‖Σ w_i g_i‖²`, least at
    `s²N/(N + s²)`, which grows with `N`: so `w = v/Σv`. Here `s = min ‖g_i‖`.

    If `g_i = 0` for some tasks, these share all weight. Where several `w` are optimal
    (dependent gradients), this is one of them. Weights have an error of about `εκ²`,
    with `κ` the condition of the `a_i` of positive weight, scaled to unit norm, and `Σ
    w_i g_i` one of `εκ`. jit- and vmap-compatible; differentiable where the set of
    positive weights does not change.

    Args:
        gradients: `g_i`, one a row (k x n), in one unit.

    Raises:
        ValueError: Not k x n, or, unless traced, a value that is not finite.

    Source: Désidéri 2012 and arXiv 1810.04650 (MGDA); reduction derived here.
    """
    return _min_norm_weights(check_gradients(gradients))


def _min_norm_weights(gradients: Float[Array, "k n"]) -> Float[Array, " k"]:
    norms = unit_rows(gradients)[1]
    least = jnp.min(norms)
    unit = jnp.where(least > 0, least, 1)
    last = jnp.full((len(gradients), 1), unit, gradients.dtype)
    rows, sizes = unit_rows(jnp.concatenate([gradients, last], axis=1))
    scaled = nonnegative_least_squares(rows @ rows.T, rows[:, -1])
    # Multiplied by `unit` so that nothing overflows; the sum is then 1/2 at least.
    found = scaled * (unit / sizes)
    return weight_of_zeros(found / jnp.sum(found), norms)


def cagrad(gradients: ArrayLike, c: Number) -> Float[Array, " n"]:
    """Combine gradients by CAGrad: the best worst improvement near the mean gradient.

    With `g_0 = Σ g_i/k`, it maximises `min_i ⟨g_i, d⟩` over `‖d − g_0‖ ≤ c‖g_0‖`. The
    dual minimises `⟨g_w, g_0⟩ + φ‖g_w‖`, `g_w = Σ w_i g_i`, `φ = c‖g_0‖`, over the
    simplex, and

        d = g_0 + φ g_w/‖g_w‖,

    not divided by `1 + c²`. From `‖g_w‖ = min_τ (‖g_w‖²/τ + τ)/2` the dual is jointly
    convex in `(w, τ)`. For given `τ`, `w(τ)` is the least norm on the simplex of the
    `g_i + (τ/φ)g_0`, and `τ` is too large where `τ > ‖g_{w(τ)}‖`, so `τ` is bisected.

    The paper's formula has no value where `g_w = 0`; `d = g_0` there.
    jit- and vmap-compatible. No derivative is promised.

    Args:
        gradients: `g_i`, one a row (k x n), in one unit.
        c: Radius of the ball as a share of `‖g_0‖`; the paper has [0, 1).

    Raises:
        ValueError: Not k x n, or, unless traced, a value that is not finite or
            `c < 0`.

    Source: arXiv 2110.14048, equation 4; the bisection is derived here.
    """
    rows = check_gradients(gradients)
    radius = check_array("c", c, "", "finite and >= 0")
    largest = jnp.max(jnp.abs(rows))
    unit = jnp.where(largest > 0, largest, 1)
    return unit * _cagrad(rows / unit, radius)


def _cagrad(gradients: Float[Array, "k n"], c: Float[Array, ""]) -> Float[Array, " n"]:
    mean = jnp.mean(gradients, axis=0)
    phi = c * jnp.linalg.norm(mean)
    largest = jnp.max(jnp.linalg.norm(gradients, axis=1))
    rounding = 8 * len(gradients) * jnp.finfo(gradients.dtype).eps * largest

    def combined(tau: Float[Array, ""]) -> Float[Array, " n"]:
        shift = tau / jnp.where(phi > 0, phi, 1)
        return _min_norm_weights(gradients + shift * mean) @ gradients

    def halve(_: Int[Array, ""], bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = jnp.sqrt(low * high)
        long = middle > jnp.linalg.norm(combined(middle))
        return jnp.where(long, low, middle), jnp.where(long, middle, high)

    floor = jnp.maximum(rounding, jnp.finfo(gradients.dtype).tiny)
    start = (floor, jnp.maximum(largest, floor))
    found = combined(lax.fori_loop(0, BISECTIONS, halve, start)[0])
    size = jnp.linalg.norm(found)
    turn = jnp.where(size > rounding, found / jnp.where(size > 0, size, 1), 0)
    return mean + phi * turn
