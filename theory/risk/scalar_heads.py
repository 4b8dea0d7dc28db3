"""Limiting risk of one shared direction with heads of fixed ratio."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from theory.arguments import check_finite, check_number, check_spectrum
from theory.risk.pooled import PooledRisk, pooled_risk
from theory.task_checks import is_traced


def scalar_heads_risk(
    ratio: ArrayLike,
    n_source: ArrayLike,
    n_target: ArrayLike,
    dimension: ArrayLike,
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    common_variance: ArrayLike,
    *,
    source_spectrum: ArrayLike | Sequence[float],
) -> PooledRisk:
    """Risk on task 2 of `b̂_2(w) = (w²S_1 + S_2)⁻¹(w g_1 + g_2)`, in the limit.

    `b_i = b_0 + N(0, (μ²/p) I)` as in `theory.risk.pooled_risk`, and
    `b_0 ~ N(0, (κ²/p) I)`. The bias is `w²‖(w²S_1+S_2)⁻¹S_1δ‖²` with
    `δ = b_1 − w b_2` (`theory.risk.conditional`), and

        E‖δ‖² = τ² = (1 − w)²κ² + (1 + w²)μ².

    So it is the pooled estimator's risk for a source covariance `w²Σ_1` and a shift
    of `τ²/(2w²)`. `w = 1` is pooling; `κ` then drops out. The best `w` may be
    anywhere: 0 under a large shift, above 1 or infinite where `κ² + μ²` is small beside
    the noise (`best_head_ratio`).

    jit-, vmap- and grad-compatible; arguments broadcast.

    Args:
        ratio: `w`, not 0.
        n_source: `n_1 ≥ 0`.
        n_target: `n_2 > 0`.
        dimension: `p ≥ 1`.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`.
        common_variance: `κ² ≥ 0`.
        source_spectrum: Eigenvalues `s_j > 0` of `Σ_1`, one a dimension.

    Raises:
        ValueError: An argument is out of range, or `w = 0`, which is the target alone.

    Source: derived here.
    """
    w = check_finite("ratio", ratio)
    if not is_traced(w) and np.any(np.asarray(w) == 0):
        raise ValueError("ratio must not be 0: use .single_task of pooled_risk")
    shift = check_number("shift_variance", shift_variance)
    common = check_number("common_variance", common_variance)
    p = check_number("dimension", dimension, positive=True)
    spectrum = check_spectrum(source_spectrum, p)
    square = ((1 - w) ** 2 * common + (1 + w**2) * shift) / (2 * w**2)
    return pooled_risk(
        n_source,
        n_target,
        p,
        noise_variance,
        square,
        source_spectrum=jnp.asarray(w)[..., None] ** 2 * spectrum,
    )
