"""Limiting risk of two tasks whose parameters are tied by a penalty."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array

from theory.arguments import check_number, check_spectrum
from theory.risk.deterministic_equivalent import equivalent_sizes
from theory.risk.pooled import PooledRisk
from theory.risk.soft_sharing import check_penalty

# The terms of D_j: c_1c_2, c_1, c_2 and a constant.
MEMBERS = ((1, 1), (1, 0), (0, 1), (0, 0))


def soft_sharing_limit(
    n_source: ArrayLike,
    n_target: ArrayLike,
    dimension: ArrayLike,
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    penalty: ArrayLike,
    *,
    source_spectrum: ArrayLike | Sequence[float] | None = None,
) -> PooledRisk:
    """Limit of `theory.risk.mean_soft_sharing_risk` for large `n_1`, `n_2`, `p`, `λ`.

    `Σ_2 = I`, and `Σ_1` has eigenvalues `s_j`. In `u = b + z` and `b` soft sharing is
    least squares with `H = [[S_1 + λ, −λ], [−λ, S_2 + λ]]`. The determinant of `H` with
    `c_1Σ_1` and `c_2` in place of `S_1` and `S_2` is `Π_j λD_j`,

        D_j = a_j + b + a_jb/λ,   a_j = c_1s_j,   b = c_2 + ζ,

    and `theory.risk.deterministic_equivalent` gives `c_i`. With `ċ_i = dc_i/dζ` at
    `ζ = 0`,

        variance = σ²(ċ_1 + ċ_2),
        bias = (2μ²/p) Σ_j [b²ċ_1s_j + a_j²(1 + ċ_2)]/D_j²,
        alone = σ²p/(n_2 − p).

    Derivation: `ζ` is added to the target's block, so that `−d/dζ tr(H⁻¹B)` is the
    trace of the target's block of `H⁻¹BH⁻¹`. The variance has `B = S_1 ⊕ S_2`, with
    `tr(H⁻¹S_i) → n_i − c_i`. Without noise the error is `−λH⁻¹(δ, −δ)`,
    `δ = b_1 − b_2`, and `λ²(I, −I)H⁻¹(I, −I)ᵀ → λ(a_j + b)/D_j`, whose derivatives in
    `a_j` and `b` are `−b²/D_j²` and `−a_j²/D_j²`.

    `λ = ∞` is `theory.risk.pooled_risk`, `λ = 0` the target alone.
    `theory.risk.best_penalty` has the best `λ`, in units of the sum `S_i`, not of the
    mean, of squared inputs. jit-, vmap- and grad-compatible; no gradient in `λ` at 0
    and ∞.

    Args:
        n_source: `n_1 ≥ 0`; it may be below `p`.
        n_target: `n_2 > 0`. All is infinite for `n_1 + n_2 ≤ p`.
        dimension: `p ≥ 1`.
        noise_variance: `σ² ≥ 0`, that of both tasks.
        shift_variance: `μ² ≥ 0`.
        penalty: `λ ≥ 0`; infinity will do.
        source_spectrum: `s_j > 0`, one a dimension; None: `Σ_1 = I`.

    Raises:
        ValueError: An argument is out of range, or no scalar: use `jax.vmap`.

    Source: derived here.
    """
    named = {
        "n_source": check_number("n_source", n_source),
        "n_target": check_number("n_target", n_target, positive=True),
        "dimension": check_number("dimension", dimension, positive=True),
        "noise_variance": check_number("noise_variance", noise_variance),
        "shift_variance": check_number("shift_variance", shift_variance),
        "penalty": check_penalty(penalty),
    }
    for name, value in named.items():
        if value.ndim:
            raise ValueError(
                f"{name} must be one number, got shape {value.shape}: use jax.vmap"
            )
    if source_spectrum is None:
        return _risk(*named.values(), jnp.ones(1))
    spectrum = check_spectrum(source_spectrum, named["dimension"])
    if spectrum.ndim != 1:
        raise ValueError(
            f"source_spectrum must be one list, got shape {spectrum.shape}: "
            "use jax.vmap"
        )
    return _risk(*named.values(), spectrum)


@jax.jit
def _risk(
    n_1: Array,
    n_2: Array,
    p: Array,
    noise: Array,
    shift: Array,
    penalty: Array,
    s: Array,
) -> PooledRisk:
    # A penalty of 0 is the target alone, and so is a source without rows.
    first = jnp.where(penalty > 0, n_1, 0)
    enough = first + n_2 > p
    sizes = jnp.stack([jnp.where(enough, first, p + 1), n_2])
    ease = 1 / jnp.where(penalty > 0, penalty, 1)
    one, zero = jnp.ones_like(s), jnp.zeros_like(s)
    terms = jnp.stack([ease * s, s, one, zero], axis=1)
    change = jnp.stack([zero, ease * s, zero, one], axis=1)
    c, rate = jax.jvp(
        lambda coefficients: equivalent_sizes(
            sizes, jnp.ones(2), coefficients, p, MEMBERS
        ),
        (terms,),
        (change,),
    )
    a, b = c[0] * s, c[1]
    bottom = a + b + ease * a * b
    top = b**2 * rate[0] * s + a**2 * (1 + rate[1])
    bias = 2 * shift * jnp.mean(top / bottom**2)
    excess = n_2 - p
    alone = noise * p / jnp.where(excess > 0, excess, 1)
    none = (first == 0) | (shift == 0)
    return PooledRisk(
        bias=jnp.where(enough, bias, jnp.where(none, 0, jnp.inf)),
        variance=jnp.where(enough, noise * jnp.sum(rate), jnp.inf),
        single_task=jnp.where(excess > 0, alone, jnp.inf),
    )
