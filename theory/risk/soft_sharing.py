"""Risk of tasks whose parameters are tied by a penalty, given their rows."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_finite, check_number, check_reals
from theory.risk.inverse import symmetric_inverse
from theory.risk.pooled import PooledRisk
from theory.risk.weighted_pooling import check_grams
from theory.task_checks import is_traced


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
    p = check_number("dimension", dimension, positive=True)
    noise = check_number("noise_variance", noise_variance)
    shift = check_number("shift_variance", shift_variance)
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
    gram, covariance = _check_pair(grams, target_covariance)
    theta = check_finite("parameters", parameters)
    if theta.shape != gram.shape[:2]:
        raise ValueError(
            f"parameters must be b_1 and b_2, of shape {gram.shape[:2]}, got "
            f"{theta.shape}"
        )
    noise = check_number("noise_variance", noise_variance)
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
    gram, covariance = _check_pair(grams, target_covariance)
    noise = check_number("noise_variance", noise_variance)
    shift = check_number("shift_variance", shift_variance)
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
    alone, full = symmetric_inverse(gram[1])
    return PooledRisk(
        bias=jnp.where(regular, bias, jnp.inf),
        variance=jnp.where(regular, variance, jnp.inf),
        single_task=jnp.where(full, noise * jnp.sum(covariance * alone), jnp.inf),
    )


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


def check_penalty(penalty: ArrayLike) -> Float[Array, "*batch"]:
    """Return `λ`, which may be infinite.

    Raises:
        ValueError: It is negative or no number.
    """
    number = check_reals("penalty", penalty)
    if not is_traced(number) and not np.all(np.asarray(number) >= 0):
        raise ValueError(f"penalty must be >= 0, infinity included, got {penalty}")
    return number


def _check_pair(
    grams: ArrayLike | Sequence[ArrayLike], covariance: ArrayLike | None
) -> tuple[Float[Array, "2 d d"], Float[Array, "d d"]]:
    gram, sigma = check_grams(grams, covariance)
    if gram.shape[0] != 2:
        raise ValueError(
            f"grams must be S_1 and S_2, of shape (2, d, d), got {gram.shape}"
        )
    return gram, sigma
