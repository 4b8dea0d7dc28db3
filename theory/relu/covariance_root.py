"""A root `S` of a covariance `Σ = SSᵀ`, singular ones included, that has a derivative.

Moments of `x ~ N(0, Σ)` are those of `Sz`, `z ~ N(0, I)`, whichever root is taken.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Eigenvalues below `4dε` of the largest are rounding, as in theory.linear.single_task.
RANK = 4


def covariance_root(covariance: Float[Array, "*n d d"]) -> Float[Array, "*n d d"]:
    """`S = D R` with `Σ = D C D`, `D_jj = √Σ_jj` and `C = RRᵀ` by eigenvectors.

    The scaling makes rank and accuracy independent of the inputs' units. Its
    derivative is one for which `ṠSᵀ + SṠᵀ = Σ̇`,

        Ṙ = (I − P/2) Ċ (R⁺)ᵀ,   P = RR⁺,

    exactly if `R` is regular or `Ċ` keeps its rank. It needs no gap between
    eigenvalues, whereas those of `C` and its eigenvectors would.

    Derived here.
    """
    scale = _scale(covariance)
    inverse = jnp.where(scale > 0, 1 / jnp.where(scale > 0, scale, 1), 0)
    correlation = inverse[..., :, None] * covariance * inverse[..., None, :]
    return scale[..., :, None] * _correlation_root(correlation)


def rounded_projection(
    root: Float[Array, "*m d d"], vector: Float[Array, "*n d"]
) -> Float[Array, "..."]:
    """`Sᵀw`, and exactly zero where `w` is in the null space of `Σ` to rounding.

    What rounding leaves there has no direction that means anything.
    """
    projected = (vector[..., None, :] @ root)[..., 0, :]
    d, eps = vector.shape[-1], jnp.finfo(vector.dtype).eps
    rows = jnp.sqrt(jnp.sum(lax.stop_gradient(root) ** 2, axis=-1))
    terms = jnp.max(rows * jnp.abs(lax.stop_gradient(vector)), axis=-1, keepdims=True)
    size = jnp.max(jnp.abs(projected), axis=-1, keepdims=True)
    return jnp.where(size > RANK * d * eps * terms, projected, 0)


def _scale(covariance: Float[Array, "*n d d"]) -> Float[Array, "*n d"]:
    # A constant: any positive scaling serves, so none of it need be differentiated.
    diagonal = lax.stop_gradient(jnp.diagonal(covariance, axis1=-2, axis2=-1))
    return jnp.sqrt(jnp.maximum(diagonal, 0))


@jax.custom_jvp
def _correlation_root(correlation: Float[Array, "*n d d"]) -> Float[Array, "*n d d"]:
    value, vector = jnp.linalg.eigh(correlation)
    d, eps = correlation.shape[-1], jnp.finfo(correlation.dtype).eps
    seen = value > RANK * d * eps * value[..., -1:]
    return vector * jnp.sqrt(jnp.where(seen, value, 0))[..., None, :]


@_correlation_root.defjvp
def _correlation_root_jvp(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    root = _correlation_root(*primals)
    inverse = jnp.linalg.pinv(root)
    change = (tangents[0] + jnp.swapaxes(tangents[0], -1, -2)) / 2
    right = change @ jnp.swapaxes(inverse, -1, -2)
    return root, right - root @ (inverse @ right) / 2
