"""Risk of pooling two tasks, given their rows."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_finite, check_number
from theory.risk.inverse import symmetric_inverse
from theory.risk.pooled import PooledRisk


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
    gram, covariance = _matrices(grams, target_covariance)
    theta = check_finite("parameters", parameters)
    if theta.shape != gram.shape[:2]:
        raise ValueError(
            f"parameters must be b_1 and b_2, of shape {gram.shape[:2]}, got "
            f"{theta.shape}"
        )
    noise = check_number("noise_variance", noise_variance)
    return _given_parameters(
        gram, theta, noise, covariance, check_finite("ratio", ratio)
    )


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
    gram, covariance = _matrices(grams, target_covariance)
    noise = check_number("noise_variance", noise_variance)
    shift = check_number("shift_variance", shift_variance)
    return _over_parameters(gram, noise, shift, covariance)


@jax.jit
def _given_parameters(
    gram: Array, theta: Array, noise: Array, covariance: Array, ratio: Array
) -> PooledRisk:
    inverse, regular = symmetric_inverse(ratio**2 * gram[0] + gram[1])
    error = ratio * (inverse @ (gram[0] @ (theta[0] - ratio * theta[1])))
    return _result(
        error @ covariance @ error, inverse, regular, gram, noise, covariance
    )


@jax.jit
def _over_parameters(
    gram: Array, noise: Array, shift: Array, covariance: Array
) -> PooledRisk:
    inverse, regular = symmetric_inverse(gram[0] + gram[1])
    map_of_shift = inverse @ gram[0]
    square = jnp.sum(map_of_shift * (covariance @ map_of_shift))
    bias = 2 * shift / gram.shape[-1] * square
    return _result(bias, inverse, regular, gram, noise, covariance)


def _result(
    bias: Array,
    inverse: Array,
    regular: Array,
    gram: Array,
    noise: Array,
    covariance: Array,
) -> PooledRisk:
    alone, full = symmetric_inverse(gram[1])
    return PooledRisk(
        bias=jnp.where(regular, bias, jnp.inf),
        variance=jnp.where(regular, noise * jnp.sum(covariance * inverse), jnp.inf),
        single_task=jnp.where(full, noise * jnp.sum(covariance * alone), jnp.inf),
    )


def _matrices(
    grams: ArrayLike | Sequence[ArrayLike], covariance: ArrayLike | None
) -> tuple[Float[Array, "2 d d"], Float[Array, "d d"]]:
    gram = check_finite("grams", grams)
    if gram.ndim != 3 or gram.shape[0] != 2 or gram.shape[1] != gram.shape[2]:
        raise ValueError(
            f"grams must be S_1 and S_2, of shape (2, d, d), got {gram.shape}"
        )
    d = gram.shape[1]
    if covariance is None:
        return gram, jnp.eye(d)
    sigma = check_finite("target_covariance", covariance)
    if sigma.shape != (d, d):
        raise ValueError(f"target_covariance must be {d} x {d}, got {sigma.shape}")
    return gram, sigma
