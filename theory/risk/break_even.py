"""How good the target must be alone for sharing to neither pay nor hurt."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.sums import sums


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
        ratio: `y ≥ 0` of `theory.risk.fixed_point`.
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
