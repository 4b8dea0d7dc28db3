"""What sample covariances of any covariances are close to, inside an inverse."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.minimise import damped_newton


@jax.custom_jvp
def matrix_sizes(
    sizes: Float[Array, " k"],
    weights: Float[Array, " k"],
    covariances: Float[Array, "k d d"],
    extra: Float[Array, "d d"],
) -> Float[Array, " k"]:
    """Solve `c_i (1 + α_i tr(Σ_iR)) = α_in_i`, `R = (Σ_l c_lΣ_l + Z)⁻¹`, for `c ≥ 0`.

    As `theory.risk.deterministic_equivalent`, for `Σ_i` that need not commute. In
    `τ = log c` the equations over `α_i` say that the slope of

        f(τ) = log det(Σ_i c_iΣ_i + Z) − Σ_i n_iτ_i + Σ_i c_i/α_i

    is zero. A determinant of a sum of positive semidefinite matrices is a polynomial
    in `c` whose coefficients, mixed discriminants, are not negative. Its logarithm is
    that of a sum of exponentials of `τ`, so `f` is convex, and where `Σ n_i > p` it
    grows in all directions: one solution. Tasks with `n_iα_i = 0` have `c_i = 0`.

    Derivatives of every order are by the implicit function theorem. Not vectorised:
    use `jax.vmap`.

    Args:
        sizes: `n_i ≥ 0`, together more than `p`.
        weights: `α_i ≥ 0`.
        covariances: `Σ_i`, positive definite.
        extra: `Z`, positive semidefinite.

    Source: derived here.
    """
    active = (sizes > 0) & (weights > 0)
    n, alpha = jnp.where(active, sizes, 1), jnp.where(active, weights, 1)
    # A task without weight sees nothing, and solves c = 1 apart.
    seen = jnp.where(active[:, None, None], covariances, 0)
    p, total = extra.shape[0], jnp.sum(jnp.where(active, n, 0))

    def height(tau: Array) -> Array:
        pooled = _pooled(jnp.exp(tau), seen, extra)
        load = jnp.sum(jnp.exp(tau) / alpha)
        return jnp.linalg.slogdet(pooled)[1] - n @ tau + load

    def slopes(tau: Array) -> tuple[Array, Array]:
        c = jnp.exp(tau)
        parts = c[:, None, None] * _seen_in_inverse(c, seen, extra)
        shares = jnp.trace(parts, axis1=1, axis2=2)
        mixed = jnp.einsum("ide,jed->ij", parts, parts)
        return shares - n + c / alpha, jnp.diag(shares + c / alpha) - mixed

    start = jnp.log(alpha * n * jnp.maximum(1 - p / total, 0.01))
    tau = damped_newton(height, slopes, jnp.where(active, start, 0.0))
    return jnp.where(active, jnp.exp(tau), 0)


@matrix_sizes.defjvp
def _matrix_sizes_jvp(primals: tuple, tangents: tuple) -> tuple:
    _, weights, covariances, extra = primals
    c = matrix_sizes(*primals)
    _, change = jax.jvp(lambda *given: _residual(c, *given), primals, tangents)
    parts = _seen_in_inverse(c, covariances, extra)
    shares = jnp.trace(parts, axis1=1, axis2=2)
    mixed = jnp.einsum("ide,jed->ij", parts, parts)
    jacobian = jnp.diag(1 + weights * shares) - (weights * c)[:, None] * mixed
    return c, -jnp.linalg.solve(jacobian, change)


def _residual(c: Array, sizes: Array, weights: Array, sigma: Array, z: Array) -> Array:
    shares = jnp.trace(_seen_in_inverse(c, sigma, z), axis1=1, axis2=2)
    return c * (1 + weights * shares) - weights * sizes


def _pooled(c: Array, covariances: Array, extra: Array) -> Array:
    return jnp.einsum("k,kde->de", c, covariances) + extra


def _seen_in_inverse(c: Array, covariances: Array, extra: Array) -> Array:
    """`Σ_iR`."""
    return covariances @ jnp.linalg.inv(_pooled(c, covariances, extra))
