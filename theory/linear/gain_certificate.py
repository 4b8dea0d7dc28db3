"""A sufficient condition for a gain of two tasks at width 1, sharper than Theorem 2."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.linear.single_task import equilibrated_spectrum


class GainCertificate(NamedTuple):
    """Bounds on the target's error when it shares one direction with a source.

    Attributes:
        turn: Largest angle between `B*` and `θ̂_1`, in radians; the angles are those of
            `X_2b` and `X_2θ̂_1`.
        error: Bound on `‖X_2(B*A_2 − θ_2)‖`.
        alone: `‖X_2(θ̂_2 − θ_2)‖`.
        parameter_error: Bound on `‖B*A_2 − θ_2‖`.
        parameter_alone: `‖θ̂_2 − θ_2‖`.
    """

    turn: Float[Array, ""]
    error: Float[Array, ""]
    alone: Float[Array, ""]
    parameter_error: Float[Array, ""]
    parameter_alone: Float[Array, ""]

    @property
    def certified(self) -> Bool[Array, ""]:
        """Whether sharing lowers the target's prediction error for certain."""
        return self.error < self.alone

    @property
    def parameter_certified(self) -> Bool[Array, ""]:
        """Whether it brings the target's parameter nearer for certain."""
        return self.parameter_error < self.parameter_alone


def gain_certificate(
    gram: Float[Array, "2 d d"],
    parameter: Float[Array, "2 d"],
    error: Float[Array, "2 d"],
    weights: Float[Array, "2"] | None = None,
) -> GainCertificate:
    """Bound the target's error at the optimum of width 1, and at points as good.

    Task 1 is the source and task 2 the target; `y_i = X_iθ_i + ε_i`, `G_i = X_iᵀX_i`
    definite, `θ̂_i = θ_i + δ_i` with `δ_i = G_i⁻¹X_iᵀε_i`. All angles `∠` are acute ones
    between lines, in the inner product `uᵀG_2v`, and obey the triangle inequality. Let
    `λ` be the largest eigenvalue of `G_1⁻¹G_2`.

    1. Any `B = b` of a loss no more than that of `b = θ̂_1` (with best heads) has
       `α_1x² ≤ α_2 [T(θ̂_1) − T(b)]`, where `x = min_a ‖X_1(ab − θ̂_1)‖` and
       `T(b) = ‖X_2θ̂_2‖² sin²∠(b, θ̂_2)`. With `φ = ∠(b, θ̂_1)`, `φ_0 = ∠(θ̂_1, θ̂_2)`,

           sin φ ≤ √λ x/‖X_2θ̂_1‖,
           sin²φ_0 − sin²∠(b, θ̂_2) ≤ sin φ · sin(2φ_0 − φ)      (φ ≤ φ_0),

       so that `sin φ ≤ K m` with `K = (α_2/α_1) λ ‖X_2θ̂_2‖²/‖X_2θ̂_1‖²` and
       `m = sin 2φ_0` if `φ_0 ≤ π/4`, else 1. (If `φ > φ_0`, then `sin²φ ≤ K sin²φ_0`
       gives `sin φ ≤ K sin φ_0 ≤ K m` as well.) As `λ ~ 1/m_1`, the target turns `B`
       by `O(1/m_1)`: Theorem 2 asks for `m_1` of order `c⁻⁴`.
    2. `X_2(bA_2 − θ_2) = −(I − P)X_2θ_2 + Pε_2` with `P` the projector on `X_2b`: two
       orthogonal parts. The first is `‖X_2θ_2‖ sin∠(b, θ_2)` long, the second
       `‖X_2δ_2‖ cos∠(b, δ_2)`, and `b` is within `φ` of `θ̂_1`, hence

           ‖X_2(bA_2 − θ_2)‖² ≤ ‖X_2θ_2‖² sin²(min(π/2, ∠(θ̂_1, θ_2) + φ))
                              + ‖X_2δ_2‖² cos²(max(0, ∠(θ̂_1, δ_2) − φ)).

    In the parameter's own norm the bound is divided by `√λ_min(G_2)`, infinite where
    rounding may make that 0. Nothing is random here: `δ_i` are those of the draw. With
    `λ` infinite (`G_1` singular, or so near to it that its floats may be those of a
    singular matrix) the bound is `√(‖X_2θ_2‖² + ‖X_2δ_2‖²)`. Rounding of `G_1`, `G_2`
    and of the sums here raises `λ` and the bounds. A hypothesis of Theorem 2 that is
    not needed: that `κ(X_2) sin(θ_1, θ_2)` be at most 1/3. What is needed and it does
    not ask for: that `θ̂_1` be near `θ_1`, which is about the source's noise.

    Args:
        gram: `G_1`, `G_2`.
        parameter: `θ_1`, `θ_2`; of the former nothing but `θ_1 + δ_1` is used.
        error: `δ_1`, `δ_2`.
        weights: `α_1`, `α_2 > 0`; ones if `None`.

    Source: derived here.
    """
    alpha = jnp.ones(2) if weights is None else weights
    source, target = gram
    fitted = parameter + error

    def size(v: Array) -> Array:
        return jnp.sqrt(jnp.maximum(v @ target @ v, 0))

    def angle(u: Array, v: Array) -> Array:
        """Acute angle between lines; exact near 0, where an arccos is not."""
        lengths = size(u), size(v)
        some = (lengths[0] > 0) & (lengths[1] > 0)
        one = u / jnp.where(some, lengths[0], 1)
        other = v / jnp.where(some, lengths[1], 1)
        other = jnp.where(one @ target @ other < 0, -other, other)
        acute = 2 * jnp.arctan2(size(one - other), size(one + other))
        return jnp.where(some, acute, jnp.pi / 2)

    largest = _largest_ratio(source, target)
    apart = angle(fitted[0], fitted[1])
    most = jnp.where(apart <= jnp.pi / 4, jnp.sin(2 * apart), 1.0)
    pull = alpha[1] / alpha[0] * largest * (size(fitted[1]) / size(fitted[0])) ** 2
    # 0 · ∞ where the parameters agree and G_1 is singular: nothing is known then.
    sine = jnp.where(jnp.isfinite(pull), pull * most, 1.0)
    turn = jnp.arcsin(jnp.clip(sine, 0, 1))
    missed = jnp.sin(jnp.minimum(jnp.pi / 2, angle(fitted[0], parameter[1]) + turn))
    caught = jnp.cos(jnp.maximum(0.0, angle(fitted[0], error[1]) - turn))
    alone = size(error[1])
    # Lengths are known to `slack`, angles to κ times the terms of their lengths.
    norm, kappa = jnp.sqrt(jnp.diag(target)), _rounding(len(target), alone.dtype)

    def slack(v: Array) -> Array:
        terms = norm @ jnp.abs(v)
        relative = kappa * terms / jnp.where(size(v) > 0, size(v), 1)
        return terms * jnp.minimum(relative, kappa**0.5)

    bound = jnp.hypot(
        (size(parameter[1]) + slack(parameter[1])) * missed,
        (alone + slack(error[1])) * caught,
    )
    bound += slack(error[1]) + kappa * norm @ (
        jnp.abs(parameter[1]) + jnp.abs(error[1])
    )
    longest = _largest_ratio(target, jnp.eye(len(target), dtype=target.dtype))
    return GainCertificate(
        turn=turn,
        error=bound,
        alone=alone,
        parameter_error=bound * jnp.sqrt(longest),
        parameter_alone=jnp.linalg.norm(error[1]),
    )


def _rounding(dimension: int, dtype: jnp.dtype) -> float:
    """`κ`: rounding of a matrix with columns scaled to unit norm, and of its sums."""
    return 8 * (dimension + 1) * float(jnp.finfo(dtype).eps)


def _largest_ratio(
    metric: Float[Array, "d d"], other: Float[Array, "d d"]
) -> Float[Array, ""]:
    """`λ` with `other ⪯ λ G` for every `G` that is `metric` up to rounding.

    With `G = DHD`, `H = VΛVᵀ` of unit diagonal, `G ⪰ D(H − κI)D`, so that `λ` is the
    largest eigenvalue of `R other Rᵀ`, `R = (Λ − κI)^(-½)VᵀD⁻¹`, and the rounding of
    that product, `κ` of its trace. Infinite unless all `λ_j > 2κ`: a Cholesky factor
    of a singular matrix may be finite, by rounding.
    """
    kappa = _rounding(len(metric), metric.dtype)
    spectrum = equilibrated_spectrum(metric)
    definite = jnp.all(spectrum.value > 2 * kappa)
    room = jnp.where(definite, spectrum.value - kappa, 1)
    root = spectrum.vector.T * spectrum.scale / jnp.sqrt(room)[:, None]
    product = root @ other @ root.T
    largest = jnp.linalg.eigvalsh(product)[-1] + kappa * jnp.trace(product)
    return jnp.where(definite, largest, jnp.inf)
