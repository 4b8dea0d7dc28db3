"""Risk of `k` tasks with the same rows, at every width of the shared module."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_array, check_numbers
from theory.risk.pooled import PooledRisk


def common_design_risk(
    parameters: ArrayLike,
    samples: ArrayLike,
    noise_variance: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    finite: bool = False,
) -> PooledRisk:
    """Risk of every task at every width `r = 1..k`, for one `X` and Gaussian rows.

    `y_i = Xθ_i + ε_i` with one `X` of `n` rows. The optimum of width `r` is
    `(BA_1..BA_k) = Θ̂P̂` (Eckart-Young, W-P3) with `Θ̂ = (θ̂_1..θ̂_k)` the single-task
    solutions and `P̂` the projector on the top `r` eigenvectors of `Θ̂ᵀGΘ̂`, k x k.
    With `P` that of `ΘᵀΣΘ = Σ_j λ_jv_jv_jᵀ` in place of `P̂`, and `a_t = Pe_t`,

        risk_t = ‖Σ^½(Θa_t − θ_t)‖² + σ²‖a_t‖² tr(Σ E G⁻¹)
               = Σ_(j>r) λ_jv_jt² + σ² Σ_(j≤r) v_jt² · p/(n−p−1)       (finite)

    and `p/(n−p)` in the limit; at `r = k` all tasks are apart.

    Derivation: the columns of `Θ̂ − Θ = G⁻¹Xᵀ(ε_1..ε_k)` are independent with
    covariance `σ²G⁻¹`, so for a fixed `a` the error `Θ̂a − θ_t` has mean `Θa − θ_t` and
    covariance `σ²‖a‖²G⁻¹`; Gaussian rows have `tr(Σ E G⁻¹) = p/(n−p−1)`. For fixed `P`
    `finite` is exact.

    The approximation is in the directions alone: the estimator uses `P̂`. Given `X`,
    `E Θ̂ᵀGΘ̂ = ΘᵀGΘ + σ²p I`, which adds one number to every eigenvalue, and the
    fluctuations of `Θ̂ᵀGΘ̂/n` are of order `1/√n`. So `P̂ − P` is of order `1/√n` over
    the gap `λ_r − λ_(r+1)`, and the risk is off by the order of `1/n`: exact in the
    limit of large `n`, for `p/n` and `k` fixed, if the gap does not close. Where
    `λ_r = λ_(r+1)` the width is not determined and neither is this risk.

    jit-, vmap- and grad-compatible where the `λ_j` are distinct.

    Args:
        parameters: `θ_i`, one a row, k x p.
        samples: `n ≥ 0`; the risk is infinite for `n ≤ p` (finite: `≤ p + 1`).
        noise_variance: `σ² ≥ 0`.
        covariance: `Σ`, p x p; None: the identity.
        finite: The exact variance for Gaussian rows rather than the limit.

    Returns:
        `bias` and `variance`, a row for each width 1..k and a column for each task;
        `single_task`, the same for all of them.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: docs/mathematics.md, "Common design"; derived here.
    """
    theta = check_array("parameters", parameters, "k p", double=True)
    p = theta.shape[1]
    sigma = jnp.eye(p) if covariance is None else covariance
    sigma = check_array("covariance", sigma, "p p", double=True, p=p)
    n, noise = check_numbers("", samples=samples, noise_variance=noise_variance)
    return _risk(theta, sigma, n, noise, finite=bool(finite))


@partial(jax.jit, static_argnames="finite")
def _risk(
    theta: Array, sigma: Array, n: Array, noise: Array, *, finite: bool
) -> PooledRisk:
    k, p = theta.shape
    values, vectors = jnp.linalg.eigh(theta @ sigma @ theta.T)
    # Descending: a row for each direction, a column for each task.
    share = vectors.T[::-1] ** 2
    # Rounding may leave small negative eigenvalues where tasks are dependent.
    signal = jnp.maximum(values[::-1], 0)[:, None] * share
    after: Float[Array, "k k"] = jnp.cumsum(signal[::-1], axis=0)[::-1]
    bias = jnp.concatenate([after[1:], jnp.zeros((1, k))])
    excess = n - p - (1 if finite else 0)
    alone = noise * p / jnp.where(excess > 0, excess, 1)
    enough = excess > 0
    variance = alone * jnp.cumsum(share, axis=0)
    return PooledRisk(
        bias=jnp.where(enough, bias, jnp.inf),
        variance=jnp.where(enough, variance, jnp.inf),
        single_task=jnp.where(enough, jnp.broadcast_to(alone, (k, k)), jnp.inf),
    )
