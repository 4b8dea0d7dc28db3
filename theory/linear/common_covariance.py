"""The optimum when all tasks have one covariance up to a factor."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.linear.result import SharedOptimum, assemble
from theory.linear.single_task import equilibrated_spectrum
from theory.tasks import TaskStatistics


@partial(jax.jit, static_argnames="width")
def common_covariance_optimum(
    statistics: TaskStatistics,
    width: int,
    weights: Float[Array, " k"],
    *,
    deviation: Float[Array, ""] | float = 0.0,
) -> SharedOptimum:
    """Optimum for `G_i = c_i G`, by Eckart-Young after whitening.

    With `W G Wᵀ = I` on the range of `G`, task `i` costs
    `α_i residual_i + ‖z_i − √(α_ic_i) W⁻ᵀθ_i‖²`, `z_i = √(α_i/c_i) W g_i`, so the best
    `B` spans `Wᵀ` times the top `r` left singular vectors of `Z = (z_1..z_k)`, and

        f* = Σ_i α_i (e_i − ‖W g_i‖²/c_i) + Σ_{j > r} σ_j(Z)².

    jit- and vmap-compatible; `loss` has a gradient, `shared` and `heads` none, since
    singular vectors have none where singular values meet.

    Args:
        statistics: Tasks whose Gram matrices are proportional; this is not checked.
        width: `r`, of any size.
        weights: `α_i ≥ 0`.
        deviation: Bound on `‖W G_i Wᵀ/c_i − I‖`, if they are only nearly so. The lower
            bound pays four times this share of the explained energy: once for the
            metric and, to first order, three times for `θ̂_i`.

    Source: docs/mathematics.md, "Common covariance". The span is that of W-P3.
    """
    fixed, alpha = lax.stop_gradient((statistics, weights))
    whiten, ratio = common_whitening(fixed)
    moment = fixed.moment @ whiten.T
    single = jnp.sum(moment**2, axis=1) / ratio
    signal = jnp.sqrt(alpha / ratio)[:, None] * moment
    _, singular, right = jnp.linalg.svd(signal, full_matrices=False)
    kept = right[:width]
    shared = jnp.pad((kept @ whiten).T, ((0, 0), (0, width - len(kept))))
    least = jnp.sum(alpha * (fixed.energy - single)) + jnp.sum(singular[width:] ** 2)
    explained = jnp.sum(alpha * single)
    rank = jnp.sum(jnp.any(whiten != 0, axis=1)).astype(whiten.dtype)
    gram = ratio[:, None, None] * jnp.sum(fixed.gram, axis=0)
    alone = _solve(whiten, ratio, fixed.moment)
    gap = fixed.moment - jnp.einsum("kde,ke->kd", gram, alone)
    return assemble(
        statistics,
        weights,
        shared,
        lower_bound=least - 4 * deviation * explained,
        claimed=least,
        rank=jnp.full(fixed.count, rank),
        alone=alone + _solve(whiten, ratio, gap),
        common=gram,
        route="one covariance: Eckart-Young",
    )


def _solve(
    whiten: Float[Array, "d d"], ratio: Float[Array, " k"], right: Float[Array, "k d"]
) -> Float[Array, "k d"]:
    """`(c_iG)⁺` times a right side for each task."""
    return right @ whiten.T @ whiten / ratio[:, None]


def common_whitening(
    statistics: TaskStatistics,
) -> tuple[Float[Array, "d d"], Float[Array, " k"]]:
    """`W` with `W G Wᵀ = I` on the range of `G`, and `c_i`, for `G = Σ_i G_i`."""
    total = jnp.sum(statistics.gram, axis=0)
    spectrum = equilibrated_spectrum(total)
    # Traces after scaling, so that a column in large units does not decide alone.
    parts = jnp.einsum("kdd,d->k", statistics.gram, spectrum.scale**2)
    ratio = parts / jnp.sum(parts)
    whiten = spectrum.inverse_root[:, None] * spectrum.vector.T * spectrum.scale
    return whiten, jnp.where(ratio > 0, ratio, 1)


@jax.jit
def proportionality(statistics: TaskStatistics) -> Float[Array, ""]:
    """`max_i ‖W G_i Wᵀ/c_i − I‖_F` on the range: 0 iff all are proportional.

    Exactly 0 for equal matrices, as of one `X`; for others with rounding over
    the least eigenvalue.
    """
    whiten, ratio = common_whitening(statistics)
    seen = jnp.diag(jnp.any(whiten != 0, axis=1).astype(whiten.dtype))
    whitened = whiten @ statistics.gram @ whiten.T / ratio[:, None, None]
    deviation = jnp.max(jnp.sqrt(jnp.sum((whitened - seen) ** 2, axis=(1, 2))))
    return jnp.where(jnp.all(statistics.gram == statistics.gram[0]), 0, deviation)
