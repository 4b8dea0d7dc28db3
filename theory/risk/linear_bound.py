"""What no linear estimator can do better, given the rows of all tasks."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.minimise import symmetric_inverse


def bound_over_parameters(
    gram: Float[Array, "k d d"],
    noise: Float[Array, " k"],
    shift: Float[Array, " k"],
    covariance: Float[Array, "d d"],
    at: int,
) -> Float[Array, ""]:
    """Least mean risk of any linear estimator, for `b_i = b_0 + N(0, (μ_i²/p) I)`.

    It may weight tasks by matrices `W_i`, `Σ_i W_i = I`, so it bounds the risk for all
    weights `α`. With a flat `b_0` it is the posterior's `tr(Σ_tC)`,

        C⁻¹ = S_t/σ_t² + J(I + (μ_t²/p) J)⁻¹,
        J = Σ_(i≠t) S_i(σ_i² I + (μ_i²/p) S_i)⁻¹,

    where `J` is what the other tasks say of `b_0`. Soft sharing with the best penalty
    attains it for two tasks of one `σ²` and `μ²`. It is 0 if a task has no noise.

    Source: derived here.
    """
    p, eye = gram.shape[-1], jnp.eye(gram.shape[-1])
    noisy = jnp.all(noise > 0)
    safe = jnp.where(noisy, noise, 1)[:, None, None]
    each = gram @ jnp.linalg.inv(safe * eye + (shift / p)[:, None, None] * gram)
    others = jnp.sum(each, axis=0) - each[at]
    known = others @ jnp.linalg.inv(eye + shift[at] / p * others)
    inverse, regular = symmetric_inverse(gram[at] / safe[at] + (known + known.T) / 2)
    bound = jnp.where(noisy, jnp.sum(covariance * inverse), 0)
    return jnp.where(regular, bound, jnp.inf)


def bound_given_parameters(
    gram: Float[Array, "k d d"],
    theta: Float[Array, "k d"],
    noise: Float[Array, " k"],
    covariance: Float[Array, "d d"],
    at: int,
) -> Float[Array, ""]:
    """Least risk of `Σ_i W_iθ̂_i` over all matrices with `Σ_i W_i = I`.

    The errors `θ̂_i − b_t` have the second moment
    `V = diag(σ_i²S_i⁻¹) + δδᵀ`, `δ_i = b_i − b_t`, and the least is
    `tr[Σ_t(𝟙ᵀV⁻¹𝟙)⁻¹]`. By Sherman-Morrison

        𝟙ᵀV⁻¹𝟙 = Σ_i S_i/σ_i² − vvᵀ/(1 + Σ_i δ_iᵀS_iδ_i/σ_i²),   v = Σ_i S_iδ_i/σ_i².

    It is 0 if a task has no noise.

    Source: derived here.
    """
    noisy = jnp.all(noise > 0)
    exact = gram / jnp.where(noisy, noise, 1)[:, None, None]
    apart = theta - theta[at]
    seen = jnp.einsum("kij,kj->ki", exact, apart)
    v, square = jnp.sum(seen, axis=0), jnp.sum(seen * apart)
    information = jnp.sum(exact, axis=0) - jnp.outer(v, v) / (1 + square)
    inverse, regular = symmetric_inverse(information)
    bound = jnp.where(noisy, jnp.sum(covariance * inverse), 0)
    return jnp.where(regular, bound, jnp.inf)
