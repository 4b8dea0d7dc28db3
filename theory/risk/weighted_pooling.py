"""Risk of pooling any number of tasks with weights, given their rows."""

import operator
from collections.abc import Sequence
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from theory.arguments import check_finite, check_number
from theory.risk.inverse import symmetric_inverse
from theory.risk.pooled import PooledRisk
from theory.task_checks import is_traced


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
    `theory.risk.conditional_risk`. A task without rows has `S_i = 0`.

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
    theta = check_finite("parameters", parameters)
    if theta.shape != gram.shape[:2]:
        raise ValueError(
            f"parameters must be b_i, of shape {gram.shape[:2]}, got {theta.shape}"
        )
    noise = check_per_task("noise_variance", noise_variance, gram.shape[0])
    alpha = check_pool_weights(weights, gram.shape[0])
    at = check_target_index(target, gram.shape[0])
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
    `theory.risk.mean_conditional_risk`.

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
    at = check_target_index(target, gram.shape[0])
    return _over_parameters(gram, noise, shift, alpha, covariance, at)


@jax.jit
def _given_parameters(
    gram: Array, theta: Array, noise: Array, alpha: Array, covariance: Array, at: Array
) -> PooledRisk:
    pooled = jnp.einsum("k,kij->ij", alpha, gram)
    inverse, regular = symmetric_inverse(pooled)
    parts = parts_given_parameters(inverse, gram, theta, noise, alpha, covariance, at)
    return _result(parts, regular, gram, noise, covariance, at)


@jax.jit
def _over_parameters(
    gram: Array, noise: Array, shift: Array, alpha: Array, covariance: Array, at: Array
) -> PooledRisk:
    pooled = jnp.einsum("k,kij->ij", alpha, gram)
    inverse, regular = symmetric_inverse(pooled)
    parts = parts_over_parameters(inverse, gram, shift, noise, alpha, covariance, at)
    return _result(parts, regular, gram, noise, covariance, at)


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


def _result(
    parts: tuple,
    regular: Array,
    gram: Array,
    noise: Array,
    covariance: Array,
    at: Array,
) -> PooledRisk:
    alone, full = symmetric_inverse(gram[at])
    return PooledRisk(
        bias=jnp.where(regular, parts[0], jnp.inf),
        variance=jnp.where(regular, parts[1], jnp.inf),
        single_task=jnp.where(full, noise[at] * jnp.sum(covariance * alone), jnp.inf),
    )


def check_grams(
    grams: ArrayLike | Sequence[ArrayLike], covariance: ArrayLike | None
) -> tuple[Float[Array, "k d d"], Float[Array, "d d"]]:
    """Return `S_i` and `Σ_t`, the identity where none is given.

    Raises:
        ValueError: Shapes do not fit, or a known value is not finite.
    """
    gram = check_finite("grams", grams)
    if gram.ndim != 3 or gram.shape[0] < 1 or gram.shape[1] != gram.shape[2]:
        raise ValueError(f"grams must be S_i, of shape (k, d, d), got {gram.shape}")
    d = gram.shape[1]
    if covariance is None:
        return gram, jnp.eye(d)
    sigma = check_finite("target_covariance", covariance)
    if sigma.shape != (d, d):
        raise ValueError(f"target_covariance must be {d} x {d}, got {sigma.shape}")
    return gram, sigma


def check_per_task(
    name: str, value: ArrayLike | Sequence[float], count: int
) -> Float[Array, " k"]:
    """Return one number `≥ 0` a task, from one number for all or one each.

    Raises:
        ValueError: Another length, or a known value that is out of range.
    """
    number = check_number(name, value)
    if number.shape not in ((), (count,)):
        raise ValueError(
            f"{name} must be one number or one a task: {count} tasks, shape "
            f"{number.shape}"
        )
    return jnp.broadcast_to(number, (count,))


def check_pool_weights(
    weights: ArrayLike | Sequence[float], count: int
) -> Float[Array, " k"]:
    """Return the weights, scaled so that their sum is 1.

    Raises:
        ValueError: Another length, or known weights that are negative, not finite or
            all zero.
    """
    alpha = check_number("weights", weights)
    if alpha.shape != (count,):
        raise ValueError(
            f"weights must have one entry a task: {count} tasks, shape {alpha.shape}"
        )
    if not is_traced(alpha) and not np.any(np.asarray(alpha) > 0):
        raise ValueError("weights are all zero: at least one task must count")
    return alpha / jnp.sum(alpha)


def check_target_index(target: object, count: int) -> int:
    """Return the index of the target, not negative.

    Raises:
        ValueError: No integer, or no task has it.
    """
    if isinstance(target, bool) or not isinstance(target, SupportsIndex):
        raise ValueError(f"target must be the index of a task, got {target!r}")
    index = operator.index(target)
    if not -count <= index < count:
        raise ValueError(f"target must be the index of one of {count} tasks: {target}")
    return index % count
