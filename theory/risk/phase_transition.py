"""Where sharing can pay at all, for two tasks of one covariance."""

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_numbers, is_traced, refuse


class PhaseTransition(eqx.Module):
    """Borders of the shift `q = μ² tr(Σ)/p`, ascending, in squared units of the label.

    With `c = p/n_2` and the single-task risk `R = σ²p/(n_2 − p)`:

    * `q ≤ always_pays = R/2`: sharing pays for every `n_1 > 0`.
    * up to `pays_at_first = R/(2c)`: it pays until one `n_0`, and hurts beyond.
    * up to `ever_pays`: it hurts, pays, and hurts again. This phase is empty for
      `n_2 ≥ 3p`, where `ever_pays = pays_at_first`; else
      `ever_pays = R/(2[1 − (1 + c)²/(8c)])`.
    * from `ever_pays` on it never pays; on the border it breaks even at one `n_1`
      at most.
    """

    always_pays: Float[Array, "*batch"]
    pays_at_first: Float[Array, "*batch"]
    ever_pays: Float[Array, "*batch"]


def phase_transition(
    n_target: ArrayLike, dimension: ArrayLike, noise_variance: ArrayLike
) -> PhaseTransition:
    """Borders of the shift between the phases of sharing, for `Σ_1 = Σ_2`.

    The limiting gain is zero where `U = n_1/(n_1 + n_2)` solves

        φ(U) = 2cU² + (1 − 3c)U + c = ℓ,   ℓ = R/(2q),

    and positive where `φ < ℓ`. `φ` is convex on [0, 1) with `φ(0) = c`, `φ(1) = 1`, so
    it is below 1. It has a minimum inside, `1 − (1 + c)²/(8c)`, if and only if
    `c > 1/3`. M-PT has the borders `R/2` and `R/(2c)` alone and says that
    above the second sharing is always negative; that holds for `n_2 ≥ 3p` alone.

    jit-, vmap- and grad-compatible; arguments broadcast.

    Args:
        n_target: `n_2 > p`.
        dimension: `p`.
        noise_variance: `σ² ≥ 0`.

    Raises:
        ValueError: An argument is out of range; the single-task risk is infinite for
            `n_2 ≤ p`, and sharing then pays whenever `n_1 + n_2 > p`.

    Source: derived here.
    """
    n_2, p, noise = check_numbers(
        n_target=n_target, dimension=dimension, noise_variance=noise_variance
    )
    if not is_traced(n_2, p):
        n_2, p = jnp.broadcast_arrays(n_2, p)
        hint = ": the risk of the target alone is infinite, and any source that makes "
        hint += "n_source + n_target > dimension pays"
        refuse("n_target", n_2, n_2 <= p, f"> dimension = {p.max()}", hint)
    c = p / n_2
    alone = noise * p / (n_2 - p)
    least = 1 - (1 + c) ** 2 / (8 * c)
    least = jnp.where(c > 1 / 3, least, c)
    return PhaseTransition(alone / 2, alone / (2 * c), alone / (2 * least))


def equal_crossings(
    n_target: Float[Array, ""], dimension: Float[Array, ""], level: Float[Array, ""]
) -> Float[Array, "2"]:
    """The `n_1 > 0` where `φ` crosses `level = ℓ`, ascending, NaN where there is none.

    The roots of a quadratic in `U`, in the form that loses no digits of the small
    one. At a double root `φ` touches `ℓ` without crossing: none.

    Source: derived here.
    """
    c = dimension / n_target
    b = 1 - 3 * c
    discriminant = b**2 - 8 * c * (c - level)
    real = discriminant > 0
    root = jnp.sqrt(jnp.where(real, discriminant, 1))
    half = -(b + jnp.where(b < 0, -root, root)) / 2
    roots = jnp.stack([half / (2 * c), (c - level) / jnp.where(real, half, 1)])
    good = real & (roots > 0) & (roots < 1)
    safe = jnp.where(good, roots, 0.5)
    return jnp.sort(jnp.where(good, n_target * safe / (1 - safe), jnp.nan))
