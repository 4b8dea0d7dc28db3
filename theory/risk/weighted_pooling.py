"""Risk of pooling tasks, any number with weights or a pair, given their rows."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from theory.arguments import (
    check_array,
    check_numbers,
    check_per_task,
    check_pool_weights,
    check_target,
)
from theory.risk.minimise import symmetric_inverse
from theory.risk.pooled import PooledRisk
from theory.task_checks import check_grams


def weighted_risk(
    grams: ArrayLike | Sequence[ArrayLike],
    parameters: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike | Sequence[float],
    weights: ArrayLike | Sequence[float],
    *,
    target: int = -1,
    target_covariance: ArrayLike | None = None,
) -> PooledRisk:
    """Risk on the target `t` of pooling `k` tasks with weights, given all rows.

        b̂ = R Σ_i α_ig_i,   R = (Σ_i α_iS_i)⁻¹,   S_i = X_iᵀX_i.

    Since `E g_i = S_ib_i` and `Cov g_i = σ_i²S_i`, and `Σ_i α_iS_i = R⁻¹`,

        bias = ‖Σ_t^½ R Σ_i α_iS_i(b_i − b_t)‖²,
        variance = Σ_i α_i²σ_i² tr(Σ_t R S_i R),   alone = σ_t² tr(Σ_t S_t⁻¹).

    Only ratios of weights matter. `k = 2` with equal weights is
    `conditional_risk`. A task without rows has `S_i = 0`.

    jit-, vmap- and grad-compatible. Risks are infinite where the matrix to invert is
    singular in floats, relative to its own diagonal.

    Args:
        grams: `S_i`, k x d x d.
        parameters: `b_i`, k x d.
        noise_variance: `σ_i² ≥ 0`, one number or one a task.
        weights: `α_i ≥ 0`, one a task, not all zero.
        target: Index `t` of the target; the last, if not given.
        target_covariance: `Σ_t`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here.
    """
    gram, covariance = check_grams(grams, target_covariance)
    k, d, _ = gram.shape
    theta = check_array("parameters", parameters, "k d", double=True, k=k, d=d)
    noise = check_per_task("noise_variance", noise_variance, k)
    alpha = check_pool_weights(weights, k)
    at = check_target(target, k)
    return _given_parameters(gram, theta, noise, alpha, covariance, at)


def mean_weighted_risk(
    grams: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike | Sequence[float],
    shift_variance: ArrayLike | Sequence[float],
    weights: ArrayLike | Sequence[float],
    *,
    target: int = -1,
    target_covariance: ArrayLike | None = None,
) -> PooledRisk:
    """Mean of `weighted_risk` over `b_i = b_0 + N(0, (μ_i²/p) I)`, independent.

    With `O = Σ_(i≠t) α_iS_i`, the error without noise is
    `R Σ_(i≠t) α_iS_i e_i − R O e_t`, `e_i = b_i − b_0`, so

        p · bias = Σ_(i≠t) μ_i² α_i² ‖Σ_t^½ R S_i‖_F² + μ_t² ‖Σ_t^½ R O‖_F².

    The variance is as given the parameters. Two tasks with equal weights and `μ_i`:
    `mean_conditional_risk`.

    Args:
        grams: `S_i`, k x d x d.
        noise_variance: `σ_i² ≥ 0`, one number or one a task.
        shift_variance: `μ_i² ≥ 0`, one number or one a task.
        weights: `α_i ≥ 0`, one a task, not all zero.
        target: Index `t` of the target; the last, if not given.
        target_covariance: `Σ_t`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here.
    """
    gram, covariance = check_grams(grams, target_covariance)
    noise = check_per_task("noise_variance", noise_variance, gram.shape[0])
    shift = check_per_task("shift_variance", shift_variance, gram.shape[0])
    alpha = check_pool_weights(weights, gram.shape[0])
    at = check_target(target, gram.shape[0])
    return _over_parameters(gram, noise, shift, alpha, covariance, at)


@jax.jit
def _given_parameters(
    gram: Array, theta: Array, noise: Array, alpha: Array, covariance: Array, at: Array
) -> PooledRisk:
    pooled = jnp.einsum("k,kij->ij", alpha, gram)
    inverse, regular = symmetric_inverse(pooled)
    parts = parts_given_parameters(inverse, gram, theta, noise, alpha, covariance, at)
    return risk_of_rows(*parts, regular, gram[at], noise[at], covariance)


@jax.jit
def _over_parameters(
    gram: Array, noise: Array, shift: Array, alpha: Array, covariance: Array, at: Array
) -> PooledRisk:
    pooled = jnp.einsum("k,kij->ij", alpha, gram)
    inverse, regular = symmetric_inverse(pooled)
    parts = parts_over_parameters(inverse, gram, shift, noise, alpha, covariance, at)
    return risk_of_rows(*parts, regular, gram[at], noise[at], covariance)


def parts_given_parameters(
    inverse: Float[Array, "d d"],
    gram: Float[Array, "k d d"],
    theta: Float[Array, "k d"],
    noise: Float[Array, " k"],
    alpha: Float[Array, " k"],
    covariance: Float[Array, "d d"],
    at: int | Int[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Bias and variance of `weighted_risk`, from `R`."""
    error = inverse @ jnp.einsum("k,kij,kj->i", alpha, gram, theta - theta[at])
    seen = inverse @ covariance @ inverse
    variance = (alpha**2 * noise) @ jnp.sum(seen * gram, axis=(1, 2))
    return error @ covariance @ error, variance


def parts_over_parameters(
    inverse: Float[Array, "d d"],
    gram: Float[Array, "k d d"],
    shift: Float[Array, " k"],
    noise: Float[Array, " k"],
    alpha: Float[Array, " k"],
    covariance: Float[Array, "d d"],
    at: int | Int[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Bias and variance of `mean_weighted_risk`, from `R`."""
    parts = alpha[:, None, None] * gram
    others = jnp.sum(parts.at[at].set(0), axis=0)
    maps = inverse @ parts.at[at].set(others)
    squares = jnp.sum(maps * (covariance @ maps), axis=(1, 2))
    seen = inverse @ covariance @ inverse
    variance = (alpha**2 * noise) @ jnp.sum(seen * gram, axis=(1, 2))
    return shift @ squares / gram.shape[-1], variance


def risk_of_rows(
    bias: Float[Array, ""],
    variance: Float[Array, ""],
    regular: Bool[Array, ""],
    gram: Float[Array, "d d"],
    noise: Float[Array, ""],
    covariance: Float[Array, "d d"],
) -> PooledRisk:
    """The risk, infinite where the pooled matrix or the target's is singular."""
    alone, full = symmetric_inverse(gram)
    return PooledRisk(
        bias=jnp.where(regular, bias, jnp.inf),
        variance=jnp.where(regular, variance, jnp.inf),
        single_task=jnp.where(full, noise * jnp.sum(covariance * alone), jnp.inf),
    )


def conditional_risk(
    grams: ArrayLike | Sequence[ArrayLike],
    parameters: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike,
    *,
    target_covariance: ArrayLike | None = None,
    ratio: ArrayLike = 1.0,
) -> PooledRisk:
    """Risk on task 2 of pooling with scalar heads, given the rows of both tasks.

    The heads `A_1/A_2 = w` are fixed and the shared direction is fitted:

        b̂_2 = R (w g_1 + g_2),   R = (w²S_1 + S_2)⁻¹,   S_i = X_iᵀX_i.

    `w = 1` is the pooled estimator. Since `E g_i = S_ib_i` and `w²S_1 + S_2 = R⁻¹`,
    `E b̂_2 − b_2 = w R S_1(b_1 − w b_2)` and `Cov b̂_2 = σ² R`:

        bias = w² ‖Σ_2^½ R S_1(b_1 − w b_2)‖²,   variance = σ² tr(Σ_2R),
        alone = σ² tr(Σ_2 S_2⁻¹).

    jit-, vmap- and grad-compatible. Risks are infinite where the matrix to invert is
    singular in floats, relative to its own diagonal.

    Args:
        grams: `S_1` (source) and `S_2` (target), 2 x d x d.
        parameters: `b_1` and `b_2`, 2 x d.
        noise_variance: `σ² ≥ 0`, that of both tasks.
        target_covariance: `Σ_2`, d x d; None: the identity.
        ratio: `w`, of either sign; 0 is the target alone.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here; docs/mathematics.md, "Scalar heads".
    """
    gram, covariance = check_grams(grams, target_covariance, "2")
    d = gram.shape[1]
    theta = check_array("parameters", parameters, "2 d", double=True, d=d)
    (noise,) = check_numbers(noise_variance=noise_variance)
    w = check_array("ratio", ratio, double=True)
    return _given_pair(gram, theta, noise, covariance, w)


def mean_conditional_risk(
    grams: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    *,
    target_covariance: ArrayLike | None = None,
) -> PooledRisk:
    """Mean of `conditional_risk` at `w = 1` over `b_i = b_0 + N(0, (μ²/p) I)`.

        bias = (2μ²/p) ‖Σ_2^½ (S_1 + S_2)⁻¹S_1‖_F².

    `theory.risk.pooled_risk` is its mean over the rows.

    Args:
        grams: `S_1` and `S_2`, 2 x d x d.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`.
        target_covariance: `Σ_2`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here.
    """
    gram, covariance = check_grams(grams, target_covariance, "2")
    noise, shift = check_numbers(
        noise_variance=noise_variance, shift_variance=shift_variance
    )
    return _over_pairs(gram, noise, shift, covariance)


@jax.jit
def _given_pair(
    gram: Array, theta: Array, noise: Array, covariance: Array, ratio: Array
) -> PooledRisk:
    inverse, regular = symmetric_inverse(ratio**2 * gram[0] + gram[1])
    error = ratio * (inverse @ (gram[0] @ (theta[0] - ratio * theta[1])))
    bias, variance = error @ covariance @ error, noise * jnp.sum(covariance * inverse)
    return risk_of_rows(bias, variance, regular, gram[1], noise, covariance)


@jax.jit
def _over_pairs(
    gram: Array, noise: Array, shift: Array, covariance: Array
) -> PooledRisk:
    inverse, regular = symmetric_inverse(gram[0] + gram[1])
    map_of_shift = inverse @ gram[0]
    square = jnp.sum(map_of_shift * (covariance @ map_of_shift))
    bias = 2 * shift / gram.shape[-1] * square
    variance = noise * jnp.sum(covariance * inverse)
    return risk_of_rows(bias, variance, regular, gram[1], noise, covariance)
