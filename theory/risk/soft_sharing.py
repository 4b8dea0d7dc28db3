"""Risk of two tasks whose parameters are tied by a penalty: given rows, and limits."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import (
    check_array,
    check_numbers,
    check_penalty,
    check_spectrum,
)
from theory.risk.deterministic_equivalent import equivalent_sizes
from theory.risk.minimise import symmetric_inverse
from theory.risk.pooled import PooledRisk, single_task_risk
from theory.risk.weighted_pooling import risk_of_rows
from theory.task_checks import check_grams

# The terms of D_j: c_1c_2, c_1, c_2 and a constant.
MEMBERS = ((1, 1), (1, 0), (0, 1), (0, 0))


def best_penalty(
    dimension: ArrayLike, noise_variance: ArrayLike, shift_variance: ArrayLike
) -> Float[Array, "*batch"]:
    """The best `λ* = σ²p/(2μ²)` of soft sharing, for every `n_1`, `n_2`, `Σ` and `X`.

    Derivation: `z = b_1 − b_2 ~ N(0, (2μ²/p) I)`. With a flat prior on `b_2` the
    posterior of `(b_2, z)` has the logarithm

        −[‖X_1(b+z)−y_1‖² + ‖X_2b−y_2‖² + ‖z‖²σ²p/(2μ²)]/(2σ²),

    so soft sharing with `λ*` is its mode. It is Gaussian, so that is its mean, and
    the mean has the least expected squared error for every quadratic loss `Σ_t`
    among all estimators whose risk does not depend on `b_2`; soft sharing with any
    `λ` is one of them. `theory.risk.mean_soft_sharing_risk` shows more: the risk
    falls up to `λ*` and rises after it.

    Args:
        dimension: `p`.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`; 0 gives infinity, hard sharing.

    Returns:
        `λ*`; where both variances are 0 any penalty is as good, and 0 is returned.

    Raises:
        ValueError: An argument is out of range.

    Source: docs/mathematics.md, "Soft sharing"; derived here.
    """
    p, noise, shift = check_numbers(
        dimension=dimension,
        noise_variance=noise_variance,
        shift_variance=shift_variance,
    )
    ratio = noise * p / (2 * jnp.where(shift > 0, shift, 1))
    return jnp.where(shift > 0, ratio, jnp.where(noise > 0, jnp.inf, 0.0))


def soft_sharing_risk(
    grams: ArrayLike | Sequence[ArrayLike],
    parameters: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike,
    penalty: ArrayLike,
    *,
    target_covariance: ArrayLike | None = None,
) -> PooledRisk:
    """Risk on task 2 of soft sharing, given the rows and the parameters.

        b̂ = argmin_b min_z ‖X_1(b+z)−y_1‖² + ‖X_2b−y_2‖² + λ‖z‖².

    The best `z` given `b` leaves `(y_1−X_1b)ᵀ(I + X_1X_1ᵀ/λ)⁻¹(y_1−X_1b)`. With
    `W = λ(S_1 + λI)⁻¹`, `A = WS_1` and `K = (S_2 + A)⁻¹`,

        b̂ = K(g_2 + W g_1),   b̂ − b_2 = K[A(b_1−b_2) + X_2ᵀε_2 + W X_1ᵀε_1],
        bias = ‖Σ_2^½ K A(b_1 − b_2)‖²,
        variance = σ² tr[Σ_2 K(S_2 + A W)K],   alone = σ² tr(Σ_2S_2⁻¹).

    `λ = ∞` is hard sharing, `theory.risk.conditional_risk`; `λ = 0` is the target
    alone. jit-, vmap- and grad-compatible; no gradient in `λ` at 0 and ∞.

    Args:
        grams: `S_1` (source) and `S_2` (target), 2 x d x d.
        parameters: `b_1` and `b_2`, 2 x d.
        noise_variance: `σ² ≥ 0`, that of both tasks.
        penalty: `λ ≥ 0`, in squared units of the inputs; infinity will do.
        target_covariance: `Σ_2`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: docs/mathematics.md, "Soft sharing"; derived here.
    """
    gram, covariance = check_grams(grams, target_covariance, "2")
    d = gram.shape[1]
    theta = check_array("parameters", parameters, "2 d", double=True, d=d)
    (noise,) = check_numbers(noise_variance=noise_variance)
    # A square of one column, so that both risks are one program.
    difference = jnp.zeros(gram.shape[1:]).at[:, 0].set(theta[0] - theta[1])
    return _risk(gram, difference, noise, check_penalty(penalty), covariance)


def mean_soft_sharing_risk(
    grams: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    penalty: ArrayLike,
    *,
    target_covariance: ArrayLike | None = None,
) -> PooledRisk:
    """Mean of `soft_sharing_risk` over `b_i = b_0 + N(0, (μ²/p) I)`.

    `bias = (2μ²/p) Q`, `Q = ‖Σ_2^½KA‖_F²`. Since `A W = A − A²/λ`, the variance is
    `σ²[tr(Σ_2K) − Q/λ]` and

        total = σ² tr(Σ_2K) + (2μ²/p − σ²/λ) Q.

    With `dA/dλ = A²/λ²` and `dK/dλ = −K(dA/dλ)K` the first term's slope is `−σ²Q/λ²`,
    and with `λ* = σ²p/(2μ²)`

        d total/dλ = σ²(1/λ* − 1/λ) dQ/dλ.

    `Q` does not depend on `μ²`, and a `λ` at which it fell would not be the best for
    the `μ²` that has it as `λ*`, against `theory.risk.best_penalty`. So `Q` rises
    everywhere, and the risk has no other minimum than `λ*`.

    Args:
        grams: `S_1` and `S_2`, 2 x d x d.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`.
        penalty: `λ ≥ 0`; infinity will do.
        target_covariance: `Σ_2`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here.
    """
    gram, covariance = check_grams(grams, target_covariance, "2")
    noise, shift = check_numbers(
        noise_variance=noise_variance, shift_variance=shift_variance
    )
    d = gram.shape[-1]
    spread = jnp.sqrt(2 * jnp.where(shift > 0, shift, 1) / d) * (shift > 0)
    return _risk(gram, spread * jnp.eye(d), noise, check_penalty(penalty), covariance)


@jax.jit
def _risk(
    gram: Array, differences: Array, noise: Array, penalty: Array, covariance: Array
) -> PooledRisk:
    """The risk for the sum over columns `δ` of `differences`, as second moments."""
    shrink = _shrinkage(gram[0], penalty)
    tied = shrink @ gram[0]
    inverse, regular = symmetric_inverse(gram[1] + (tied + tied.T) / 2)
    error = inverse @ (tied @ differences)
    bias = jnp.sum(error * (covariance @ error))
    middle = gram[1] + tied @ shrink
    variance = noise * jnp.sum(covariance * (inverse @ middle @ inverse))
    return risk_of_rows(bias, variance, regular, gram[1], noise, covariance)


def _shrinkage(gram: Array, penalty: Array) -> Array:
    """`W = λ(S + λI)⁻¹`, also for `λ` of 0 and infinity.

    With `s = tr S/d` and `u = λ/(λ + s)` it is `u[(1−u)S/s + uI]⁻¹`.
    """
    eye = jnp.eye(gram.shape[0])
    mean = jax.lax.stop_gradient(jnp.trace(gram)) / gram.shape[0]
    mean = jnp.where(mean > 0, mean, 1)
    finite = (penalty > 0) & (penalty < jnp.inf)
    known = jnp.where(finite, penalty, 1)
    part = jnp.where(finite, known / (known + mean), 1)
    found = part * jnp.linalg.inv((1 - part) * gram / mean + part * eye)
    return jnp.where(penalty > 0, found, jnp.zeros_like(gram))


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
    """Limit of `mean_soft_sharing_risk` for large `n_1`, `n_2`, `p`, `λ`.

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
    `best_penalty` has the best `λ`, in units of the sum `S_i`, not of the
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
    numbers = check_numbers(
        "",
        n_source=n_source,
        n_target=n_target,
        dimension=dimension,
        noise_variance=noise_variance,
        shift_variance=shift_variance,
    )
    spectrum = (
        jnp.ones(1)
        if source_spectrum is None
        else check_spectrum(source_spectrum, numbers[2], "p")
    )
    return _limit(*numbers, check_penalty(penalty, ""), spectrum)


@jax.jit
def _limit(
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
    none = (first == 0) | (shift == 0)
    return PooledRisk(
        bias=jnp.where(enough, bias, jnp.where(none, 0, jnp.inf)),
        variance=jnp.where(enough, noise * jnp.sum(rate), jnp.inf),
        single_task=single_task_risk(n_2, p, noise),
    )
