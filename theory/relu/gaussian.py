"""Moments of ReLU units under Gaussian inputs of any covariance, in closed form."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_vectors
from theory.relu.kernel import gradient, second
from theory.task_checks import check_covariance

# Eigenvalues below `4dε` of the largest are rounding, as in theory.linear.single_task.
RANK = 4
_second = jax.jit(second)
_gradient = jax.jit(gradient)


def second_moment(
    w: ArrayLike, v: ArrayLike, covariance: ArrayLike | None = None
) -> Float[Array, "*n"]:
    """`E[ReLU(wᵀx) ReLU(vᵀx)]` for `x ~ N(0, Σ)`.

    With `Σ = SSᵀ` it is `K(Sᵀw, Sᵀv)`,

        K(p, q) = ‖p‖‖q‖ (sin φ + (π − φ) cos φ)/(2π),   φ the angle of (p, q).

    The result has an error of a few `ε ‖p‖‖q‖ (π − φ)²`, which is what a change of
    the inputs in their last digit does. It is zero where `wᵀx` or `vᵀx` is always zero.
    There `K` has a kink and no derivative; first and second derivatives are taken as
    zero, as jax takes that of ReLU at 0. Elsewhere first and second derivatives in `w`
    and `v` are exact, at `φ = 0` and `φ = π` too; third ones do not exist at these two
    angles and are finite there without meaning. Derivatives in `Σ` are exact for a
    regular `Σ`; for a singular one, along changes that keep its rank.

    jit-, vmap- and grad-compatible; values are checked unless they are traced.

    Args:
        w: One or more vectors (... x d); leading axes broadcast.
        v: As `w`.
        covariance: `Σ` (... x d x d), symmetric and positive semidefinite, singular
            ones included; the identity if not given.

    Raises:
        ValueError: Shapes that do not fit, a value that is not finite, or a covariance
            that is not symmetric or has a negative eigenvalue.

    Source: docs/mathematics.md, "Gaussian moments of ReLU units"; `kernel`.
    """
    p, q, _ = _whitened(w, v, covariance)
    return _second(p, q)


def gradient_moment(
    w: ArrayLike, v: ArrayLike, covariance: ArrayLike | None = None
) -> Float[Array, "*n d"]:
    """`E[1(wᵀx > 0) x ReLU(vᵀx)]` for `x ~ N(0, Σ)`, the gradient of `second_moment`.

    With `Σ = SSᵀ`, `p = Sᵀw`, `q = Sᵀv` and `φ` their angle it is

        S (‖q‖ sin φ · p/‖p‖ + (π − φ) q)/(2π).

    It is zero where `wᵀx` is always zero, since then the event never happens, and is
    not continuous there: derivatives are taken as zero. Elsewhere it has first
    derivatives, `E[δ(wᵀx) xxᵀ ReLU(vᵀx)]` and `E[1(wᵀx > 0) 1(vᵀx > 0) xxᵀ]`; second
    ones exist except at `φ = 0` and `φ = π`.

    Args:
        w: As `second_moment`.
        v: As `second_moment`.
        covariance: As `second_moment`.

    Raises:
        ValueError: As `second_moment`.

    Source: docs/mathematics.md, "Gaussian moments of ReLU units"; `kernel`.
    """
    p, q, root = _whitened(w, v, covariance)
    moment = _gradient(p, q)
    return moment if root is None else (root @ moment[..., None])[..., 0]


def cross_moment(
    w: ArrayLike, covariance: ArrayLike | None = None
) -> Float[Array, "*n d"]:
    """`E[x ReLU(wᵀx)] = Σw/2` for `x ~ N(0, Σ)`.

    `ReLU(u) = (u + |u|)/2`, and `E[x |wᵀx|] = 0` since `x` and `−x` are alike; what
    is left is `E[x xᵀ]w/2`. It is linear in `w`, hence smooth at `w = 0` too.

    Args:
        w: As `second_moment`.
        covariance: As `second_moment`.

    Raises:
        ValueError: As `second_moment`.

    Source: docs/mathematics.md, "Gaussian moments of ReLU units"; derived here.
    """
    (vector,) = check_vectors(w=w)
    if covariance is None:
        return vector / 2
    sigma = check_covariance(covariance, vector.shape)
    return (sigma @ vector[..., None])[..., 0] / 2


def _whitened(
    w: ArrayLike, v: ArrayLike, covariance: ArrayLike | None
) -> tuple[Float[Array, "*n d"], Float[Array, "*n d"], Array | None]:
    """`p = Sᵀw`, `q = Sᵀv` of one shape, and `S`."""
    first, second = check_vectors(w=w, v=v)
    if covariance is None:
        p, q = jnp.broadcast_arrays(first, second)
        return p, q, None
    shape = jnp.broadcast_shapes(first.shape, second.shape)
    root = covariance_root(check_covariance(covariance, shape))
    p, q = jnp.broadcast_arrays(
        rounded_projection(root, first), rounded_projection(root, second)
    )
    return p, q, root


def covariance_root(covariance: Float[Array, "*n d d"]) -> Float[Array, "*n d d"]:
    """Root `S = D R` of `Σ = D C D`, `D_jj = √Σ_jj`, with `C = RRᵀ` by eigenvectors.

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
