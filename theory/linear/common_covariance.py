"""The optimum when all tasks have one covariance up to a factor."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.linear.result import SharedOptimum, assemble
from theory.linear.rounding import matrix_rounding, used_columns
from theory.linear.single_task import Spectrum, equilibrated_spectrum
from theory.tasks import TaskStatistics


@partial(jax.jit, static_argnames=("width", "assumed"))
def common_covariance_optimum(
    statistics: TaskStatistics,
    width: int,
    weights: Float[Array, " k"],
    *,
    assumed: bool = True,
) -> SharedOptimum:
    """Optimum for `G_i = c_i G`, by Eckart-Young after whitening.

    With `W G Wᵀ = I` on the range of `G`, task `i` costs
    `α_i residual_i + ‖z_i − √(α_ic_i) W⁻ᵀθ_i‖²`, `z_i = √(α_i/c_i) W g_i`, so the best
    `B` spans `Wᵀ` times the top `r` left singular vectors of `Z = (z_1..z_k)`, and

        f* = Σ_i α_i (e_i − ‖W g_i‖²/c_i) + Σ_{j > r} σ_j(Z)².

    The lower bound is this value for other statistics, which are below those of all
    data within rounding. With `D² = diag(G)`, `κ` of
    `theory.linear.rounding.matrix_rounding` and a deviation
    `δ = max |G_i/c_i − G|_ab/(D_aD_b)`,

        G_i ⪰ c_i (G − (κ + dδ)D²),

    whatever the rows are, so `G − (κ + dδ)D²` takes the place of `G`, and `(1 − κ)e_i`
    that of `e_i`. It is definite unless `G` has a direction that rounding hides. Then
    the bound is 0: that direction may be one of one task's alone.

    jit- and vmap-compatible; `loss` has a gradient, `shared` and `heads` none, since
    singular vectors have none where singular values meet.

    Args:
        statistics: Tasks whose Gram matrices are proportional; this is not checked,
            but what they deviate lowers the bound.
        width: `r`, of any size.
        weights: `α_i ≥ 0`.
        assumed: `True`: the rows have proportional covariances, and the bound is for
            such rows. Then those of fewer samples than columns are certified too,
            since all have one null space. `False`: for any rows with these statistics.

    Source: docs/mathematics.md, "Common covariance". The span is that of W-P3.
    """
    fixed, alpha = lax.stop_gradient((statistics, weights))
    spectrum, ratio = _common(fixed)
    whiten = _whitening(spectrum)
    root = jnp.sqrt(alpha / ratio)[:, None]
    energy = jnp.sum(alpha * fixed.energy)
    signal = root * (fixed.moment @ whiten.T)
    _, singular, right = jnp.linalg.svd(signal, full_matrices=False)
    kept = right[:width]
    shared = jnp.pad((kept @ whiten).T, ((0, 0), (0, width - len(kept))))
    claimed = energy - jnp.sum(singular[:width] ** 2)
    kappa = jnp.max(matrix_rounding(fixed.samples, fixed.dimension))
    shift = kappa + fixed.dimension * _deviation(fixed, spectrum, ratio)
    seen = spectrum.value > 2 * shift
    used = used_columns(jnp.sum(fixed.gram, axis=0))
    most = jnp.minimum(used, jnp.min(fixed.samples)) if assumed else used
    room = jnp.where(seen, spectrum.value / (spectrum.value - shift), 0)
    larger = jnp.linalg.svd(signal * jnp.sqrt(room), compute_uv=False)
    least = (1 - kappa) * energy - jnp.sum(larger[:width] ** 2)
    return assemble(
        statistics,
        weights,
        shared,
        lower_bound=jnp.where(jnp.sum(seen) >= most, jnp.maximum(least, 0), 0),
        claimed=claimed,
        rank=jnp.full(fixed.count, jnp.sum(spectrum.seen).astype(whiten.dtype)),
        route="one covariance: Eckart-Young",
        closed=True,
    )


def _common(statistics: TaskStatistics) -> tuple[Spectrum, Float[Array, " k"]]:
    """Scaled eigenvalues of `G = Σ_i G_i`, and `c_i`."""
    spectrum = equilibrated_spectrum(jnp.sum(statistics.gram, axis=0))
    # Traces after scaling, so that a column in large units does not decide alone.
    parts = jnp.einsum("kdd,d->k", statistics.gram, spectrum.scale**2)
    ratio = parts / jnp.sum(parts)
    return spectrum, jnp.where(ratio > 0, ratio, 1)


def _deviation(
    statistics: TaskStatistics, spectrum: Spectrum, ratio: Float[Array, " k"]
) -> Float[Array, ""]:
    """`max |G_i/c_i − G|_ab/(D_aD_b)`; 0 for equal matrices, whose sums may round."""
    total = jnp.sum(statistics.gram, axis=0)
    gap = jnp.abs(statistics.gram / ratio[:, None, None] - total)
    largest = jnp.max(gap * spectrum.scale[:, None] * spectrum.scale)
    return jnp.where(jnp.all(statistics.gram == statistics.gram[0]), 0, largest)


def _whitening(spectrum: Spectrum) -> Float[Array, "d d"]:
    """`W` with `W G Wᵀ = I` on the range of `G`."""
    return spectrum.inverse_root[:, None] * spectrum.vector.T * spectrum.scale


@jax.jit
def proportionality(statistics: TaskStatistics) -> Float[Array, ""]:
    """`max_i ‖W G_i Wᵀ/c_i − I‖_F` on the range: 0 iff all are proportional.

    Exactly 0 for equal matrices, as of one `X`; for others with rounding over
    the least eigenvalue.
    """
    spectrum, ratio = _common(statistics)
    whiten = _whitening(spectrum)
    seen = jnp.diag(jnp.any(whiten != 0, axis=1).astype(whiten.dtype))
    whitened = whiten @ statistics.gram @ whiten.T / ratio[:, None, None]
    deviation = jnp.max(jnp.sqrt(jnp.sum((whitened - seen) ** 2, axis=(1, 2))))
    return jnp.where(jnp.all(statistics.gram == statistics.gram[0]), 0, deviation)
