r"""The kernel of two ReLU units under whitened Gaussian inputs, and its derivatives.

For `z ~ N(0, I)`, vectors `p, q ≠ 0`, `φ` the angle between them and `ψ = π − φ`,

    K(p, q) = E[ReLU(pᵀz) ReLU(qᵀz)] = ‖p‖‖q‖ (sin ψ − ψ cos ψ)/(2π).

In polar coordinates `(ρ, t)` of the plane of `p` and `q`, `p` at angle 0, both units
are active for `t` in `(φ − π/2, π/2)`, an interval of length `ψ`, and there

    K = ‖p‖‖q‖ E[ρ²] (1/2π) ∫ cos t cos(t − φ) dt,   E[ρ²] = 2,
    ∫ cos t cos(t − φ) dt = (ψ cos φ + sin φ)/2.

`∂K/∂p = E[1(pᵀz > 0) z ReLU(qᵀz)]`. With `q̂_⊥ = (q̂ − cos φ p̂)/sin φ` it is

    D(p, q) = ‖q‖ (sin φ p̂ + ψ q̂)/(2π),

for `K` has the derivatives `‖q‖(sin φ + ψ cos φ) p̂/(2π)` along `p̂`, as it is of degree
1 in `p`, and `−(∂K/∂φ)/‖p‖ · q̂_⊥ = −‖q‖(−ψ sin φ) q̂_⊥/(2π)` across it. Differentiating
once more, with `n = q̂_⊥`,

    ∂D/∂p = ‖q‖ sin φ (I − p̂p̂ᵀ + nnᵀ)/(2π‖p‖) = E[δ(pᵀz) zzᵀ ReLU(qᵀz)],
    ∂D/∂q = (ψ I + sin φ cos φ (p̂p̂ᵀ − nnᵀ) + sin²φ (p̂nᵀ + np̂ᵀ))/(2π)
          = E[1(pᵀz > 0) 1(qᵀz > 0) zzᵀ].

`K` is twice continuously differentiable wherever `p, q ≠ 0`, at `φ = 0` and `φ = π`
too, though `φ` itself has no derivative there: `n` loses its meaning only where it is
multiplied by `sin φ = 0`. Third derivatives do not exist at `φ = 0` and `φ = π`, where
`K` behaves as `φ³` and `ψ³`; they exist elsewhere.

The angle is taken from both `‖p̂ − q̂‖ = 2 sin(φ/2)` and `‖p̂ + q̂‖ = 2 cos(φ/2)` (Kahan),
so that `φ` and `ψ` have errors of a few `ε`; arccos of the cosine would have `√ε`.

Source: docs/mathematics.md, "Gaussian moments of ReLU units"; derived here.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Below this angle sin ψ − ψ cos ψ cancels and its series in ψ is used instead.
SMALL = 1.0
# Σ_n (−1)^(n+1) 2n/(2n+1)! ψ^(2n+1), n = 1..9: the next term is 4e-19 at ψ = 1.
SERIES = (
    1 / 3,
    -1 / 30,
    1 / 840,
    -1 / 45360,
    1 / 3991680,
    -1 / 518918400,
    1 / 93405312000,
    -1 / 22230464256000,
    1 / 6758061133824000,
)


class _Geometry(NamedTuple):
    """Lengths and unit vectors of `p` and `q`; `ψ`, and sine and cosine of `φ`."""

    p: Float[Array, "*n 1"]
    q: Float[Array, "*n 1"]
    p_unit: Float[Array, "*n d"]
    q_unit: Float[Array, "*n d"]
    psi: Float[Array, "*n 1"]
    sine: Float[Array, "*n 1"]
    cosine: Float[Array, "*n 1"]

    @property
    def regular(self) -> Array:
        """Whether neither vector is zero."""
        return (self.p > 0) & (self.q > 0)


def _geometry(p: Float[Array, "*n d"], q: Float[Array, "*n d"]) -> _Geometry:
    (p_norm, p_unit), (q_norm, q_unit) = _polar(p), _polar(q)
    half_sine, half_cosine = _polar(q_unit - p_unit)[0], _polar(q_unit + p_unit)[0]
    return _Geometry(
        p=p_norm,
        q=q_norm,
        p_unit=p_unit,
        q_unit=q_unit,
        psi=2 * jnp.arctan2(half_cosine, half_sine),
        sine=half_sine * half_cosine / 2,
        cosine=(half_cosine**2 - half_sine**2) / 4,
    )


def _polar(p: Float[Array, "*n d"]) -> tuple[Float[Array, "*n 1"], Array]:
    """Length and direction, both zero at zero; neither overflows nor underflows."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(p), axis=-1, keepdims=True))
    zero = largest == 0
    largest = jnp.where(zero, 1, largest)
    scaled = p / largest
    square = jnp.sum(scaled**2, axis=-1, keepdims=True)
    length = jnp.sqrt(jnp.where(zero, 1, square))
    return jnp.where(zero, 0, largest * length), jnp.where(zero, 0, scaled / length)


def _profile(psi: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`sin ψ − ψ cos ψ` to a few `ε` of itself."""
    small = jnp.where(psi < SMALL, psi, 0)
    series = jnp.zeros_like(small)
    for coefficient in reversed(SERIES):
        series = series * small**2 + coefficient
    return jnp.where(psi < SMALL, series * small**3, jnp.sin(psi) - psi * jnp.cos(psi))


@jax.custom_jvp
def second(p: Float[Array, "*n d"], q: Float[Array, "*n d"]) -> Float[Array, "*n"]:
    """`K(p, q)`; zero where `p` or `q` is."""
    at = _geometry(p, q)
    return (at.p * at.q * _profile(at.psi))[..., 0] / (2 * jnp.pi)


@jax.custom_jvp
def gradient(p: Float[Array, "*n d"], q: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
    """`D(p, q) = ∂K/∂p`; zero where `p` or `q` is."""
    at = _geometry(p, q)
    # sin φ p̂ + ψ q̂ cancels at φ = π: this is the same without.
    bent = at.sine * (at.p_unit + at.q_unit) + (at.psi - at.sine) * at.q_unit
    return jnp.where(at.regular, at.q * bent, 0) / (2 * jnp.pi)


@second.defjvp
def _second_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    p, q = primals
    change = gradient(p, q) * tangents[0] + gradient(q, p) * tangents[1]
    return second(p, q), jnp.sum(change, axis=-1)


@gradient.defjvp
def _gradient_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    """`∂D/∂p ṗ + ∂D/∂q q̇`."""
    at = _geometry(*primals)
    p_change, q_change = tangents
    # Its error is ε/sin φ, and it is multiplied by sin φ.
    n = _polar(at.q_unit - _dot(at.q_unit, at.p_unit) * at.p_unit)[1]
    along, across = _dot(at.p_unit, q_change), _dot(n, q_change)
    own = p_change - _dot(at.p_unit, p_change) * at.p_unit + _dot(n, p_change) * n
    own *= at.q * at.sine / jnp.where(at.regular, at.p, 1)
    cross = at.psi * q_change
    cross += at.sine * at.cosine * (along * at.p_unit - across * n)
    cross += at.sine**2 * (across * at.p_unit + along * n)
    change = jnp.where(at.regular, own + cross, 0) / (2 * jnp.pi)
    return gradient(*primals), change


def _dot(first: Float[Array, "*n d"], other: Float[Array, "*n d"]) -> Array:
    return jnp.sum(first * other, axis=-1, keepdims=True)
