"""Limiting risk of pooling tasks whose covariances need not commute."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_finite
from theory.risk.matrix_equivalent import matrix_sizes
from theory.risk.pooled import PooledRisk
from theory.risk.weighted_pooling import (
    check_per_task,
    check_pool_weights,
    check_target_index,
)
from theory.task_checks import is_traced

# Eigenvalues below 4 d ε of the largest are rounding, as in theory.risk.inverse.
SINGULAR = 4 * 2.3e-16


def matrix_limit_risk(
    samples: ArrayLike | Sequence[float],
    covariances: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike | Sequence[float],
    shift_variance: ArrayLike | Sequence[float],
    weights: ArrayLike | Sequence[float],
    *,
    target: int = -1,
) -> PooledRisk:
    """Limit of `theory.risk.mean_weighted_risk` for any covariances, `n_i, p → ∞`.

    Rows of task `i` are `Σ_i^½z`, and the risk is in `Σ_t`. With `c_i` of
    `theory.risk.matrix_equivalent`, `R = (Σ_i c_iΣ_i + ζΣ_t)⁻¹`, `D_i = c_iΣ_i`,
    `ċ_i = dc_i/dζ` and `Ḋ_i = ċ_iΣ_i` at `ζ = 0`, and `O = Σ_(i≠t) D_i`,
    `Ȯ = Σ_(i≠t) Ḋ_i`,

        variance = Σ_i σ_i² ċ_i,   alone = σ_t²p/(n_t − p),
        p · bias = Σ_(i≠t) μ_i² {tr[(I − D_iR) Ḋ_i (I − RD_i)]
                                 + tr[D_iR(Σ_t + Σ_(l≠i) Ḋ_l)RD_i]}
                 + μ_t² {tr[(I − OR) Ȯ (I − RO)] + tr[OR(Σ_t + Ḋ_t)RO]}.

    All terms are traces of positive semidefinite matrices. Where the `Σ_i` are
    diagonal it is `theory.risk.weighted_limit_risk`, whose derivation it shares: with
    `R_ζ = (Σ_i α_iS_i + ζΣ_t)⁻¹`, rows taken out one by one give

        α_i² tr(R_ζS_i²) → tr(D_iRD_i) + (α_in_i − c_i) tr Σ_i,
        α_iα_l tr(R_ζS_iS_l) → tr(D_iRD_l) for i ≠ l,

    and `tr(Σ_tRBR) = −d/dζ tr(R_ζB)`. That one is the better for spectra over many
    decades: here rounding is that of the inverse, `ε` times the condition number of
    `Σ_i c_iΣ_i`.

    jit-, vmap- and grad-compatible in all but `target`.

    Args:
        samples: `n_i ≥ 0`, one a task; some may be 0 or below `p`.
        covariances: `Σ_i`, k x p x p, symmetric and positive definite.
        noise_variance: `σ_i² ≥ 0`, one number or one a task.
        shift_variance: `μ_i² ≥ 0`, one number or one a task; `b_i = b_0 +
            N(0, (μ_i²/p) I)`.
        weights: `α_i ≥ 0`, one a task, not all zero.
        target: Index `t` of the target; the last, if not given.

    Raises:
        ValueError: Shapes do not fit, a known value is out of range, or a known `Σ_i`
            is not symmetric or not positive definite.

    Source: derived here.
    """
    sigma = _check_covariances(covariances)
    k = sigma.shape[0]
    n = check_per_task("samples", samples, k)
    noise = check_per_task("noise_variance", noise_variance, k)
    shift = check_per_task("shift_variance", shift_variance, k)
    alpha = check_pool_weights(weights, k)
    return _limit(n, sigma, noise, shift, alpha, check_target_index(target, k))


def _check_covariances(
    covariances: ArrayLike | Sequence[ArrayLike],
) -> Float[Array, "k p p"]:
    sigma = check_finite("covariances", covariances)
    if sigma.ndim != 3 or not sigma.size or sigma.shape[1] != sigma.shape[2]:
        raise ValueError(
            f"covariances must be Σ_i, of shape (k, p, p), got {sigma.shape}"
        )
    if is_traced(sigma):
        return sigma
    for task, one in enumerate(np.asarray(sigma)):
        if not np.allclose(one, one.T, rtol=1e-12, atol=1e-12 * abs(one).max()):
            raise ValueError(f"covariances[{task}] must be symmetric, and is not")
        values = np.linalg.eigvalsh(one)
        if not values[0] > SINGULAR * len(one) * values[-1]:
            raise ValueError(
                f"covariances[{task}] must be positive definite, got eigenvalues from "
                f"{values[0]:g} to {values[-1]:g}: give directions that the task never "
                "sees a small one"
            )
    return sigma


@jax.jit
def _limit(
    n: Array, sigma: Array, noise: Array, shift: Array, alpha: Array, at: Array
) -> PooledRisk:
    k, p = sigma.shape[:2]
    enough = jnp.sum(jnp.where(alpha > 0, n, 0)) > p
    # Any numbers that have a solution, where there is none.
    safe, weights = jnp.where(enough, n, p + 1), jnp.where(enough, alpha, 1)
    c, rate = jax.jvp(
        lambda extra: matrix_sizes(safe, weights, sigma, extra),
        (jnp.zeros((p, p)),),
        (sigma[at],),
    )
    parts, growth = c[:, None, None] * sigma, rate[:, None, None] * sigma
    whole, grown = jnp.sum(parts, axis=0), jnp.sum(growth, axis=0)
    of_target = (jnp.arange(k) == at)[:, None, None]
    # For the target, the sum of the others takes the place of the task itself.
    own = jnp.where(of_target, whole - parts, parts)
    change = jnp.where(of_target, grown - growth, growth)
    maps = own @ jnp.linalg.inv(whole)
    left = jnp.eye(p) - maps
    seen = sigma[at] + grown - change
    squares = _square(left, change) + _square(maps, seen)
    spread = n[at] - p
    alone = noise[at] * p / jnp.where(spread > 0, spread, 1)
    none = jnp.where(jnp.any(shift > 0), jnp.inf, 0)
    return PooledRisk(
        bias=jnp.where(enough, shift @ squares / p, none),
        variance=jnp.where(enough, noise @ rate, jnp.inf),
        single_task=jnp.where(spread > 0, alone, jnp.inf),
    )


def _square(maps: Array, middle: Array) -> Float[Array, " k"]:
    """`tr(M_i C_i M_iᵀ)`."""
    return jnp.sum((maps @ middle) * maps, axis=(1, 2))
