"""Limiting risk of one shared direction by the ratio of the heads; the best ratio."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_array, check_numbers, check_spectrum, is_traced
from theory.risk.minimise import least_on_line, stationary_point
from theory.risk.pooled import PooledRisk, pooled_risk

# The risk differs by this, relatively, from that of w = 0 or w = ∞ at the ends.
EDGE = 1e-12


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
    `δ = b_1 − w b_2` (`theory.risk.conditional_risk`), and

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
    w = check_array("ratio", ratio, double=True)
    if not is_traced(w) and np.any(np.asarray(w) == 0):
        raise ValueError("ratio must not be 0: use .single_task of pooled_risk")
    p, shift, common = check_numbers(
        dimension=dimension,
        shift_variance=shift_variance,
        common_variance=common_variance,
    )
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


class BestHeadRatio(eqx.Module):
    """The best ratio `w = A_1/A_2`, from 0 to infinity, and its risk."""

    ratio: Float[Array, ""]
    risk: PooledRisk


def best_head_ratio(
    n_source: ArrayLike,
    n_target: ArrayLike,
    dimension: ArrayLike,
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    common_variance: ArrayLike,
    *,
    source_spectrum: ArrayLike | Sequence[float],
) -> BestHeadRatio:
    """Minimise `scalar_heads_risk` over `w ≥ 0`.

    * `w = 0` is the target alone.
    * `w = ∞`: `b̂_2(w) = (w²S_1 + S_2)⁻¹(w g_1 + g_2)` is then 0 in all directions that
      the source sees. With `n_1 ≥ p` it is 0, and the risk `E‖b_2‖² = κ² + μ²`. This
      is the best where the target is next to nothing beside the noise.

    A negative `w` is never better: for the same `|w|` the variance is the same and the
    shift `τ² = (1−w)²κ² + (1+w²)μ²` of the bias larger. In between, the minimum is
    found by `least_on_line` in `log w`, over all `w` where the risk differs
    from those of the two ends by 1e-12 relatively.

    jit-, vmap- and grad-compatible. The gradient of `ratio` is by the implicit function
    theorem, and 0 at the ends; that of `risk.total` is taken at a fixed `w`, on which
    the least risk does not depend (envelope theorem). At `n_1 = 0` both are those of
    `w = 0`.

    Args:
        n_source: `n_1 ≥ 0`; 0 gives `w = 0`.
        n_target: `n_2 > 0`.
        dimension: `p ≥ 1`.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`.
        common_variance: `κ² ≥ 0`.
        source_spectrum: Eigenvalues `s_j > 0` of `Σ_1`, one a dimension.

    Raises:
        ValueError: An argument is out of range or no scalar.

    Source: derived here.
    """
    numbers = check_numbers(
        "",
        n_source=n_source,
        n_target=n_target,
        dimension=dimension,
        noise_variance=noise_variance,
        shift_variance=shift_variance,
        common_variance=common_variance,
    )
    return _search(*numbers, check_spectrum(source_spectrum, numbers[2], "p"))


@jax.jit
def _search(
    n_1: Array,
    n_2: Array,
    p: Array,
    noise: Array,
    shift: Array,
    common: Array,
    spectrum: Array,
) -> BestHeadRatio:
    arguments = (n_1, n_2, p, noise, shift, common, spectrum)
    fixed = lax.stop_gradient(arguments)

    # In pooling, the source's weight against the target's is near w² s n_1/n_2.
    share = jnp.maximum(fixed[0], 1e-300) * spectrum / n_2
    low = jnp.log(EDGE / jnp.maximum(jnp.max(share), 1)) / 2
    high = jnp.log(1 / (EDGE * jnp.minimum(jnp.min(share), 1))) / 2
    place, least = least_on_line(
        lambda t: _total(t, fixed), *lax.stop_gradient((low, high))
    )
    # Without a source every w is as good, and at w = 1 derivatives are finite.
    place = lax.stop_gradient(jnp.where(n_1 > 0, place, 0.0))
    inside = _risk(jnp.exp(place), *arguments)
    # Without a signal, or without a source, the ends are as good as what is near.
    alone = inside.single_task
    none = (n_1 == 0) | (alone <= least)
    silent = jnp.where(n_1 >= p, common + shift, jnp.inf)
    far = ~none & ((silent <= least) | (place >= high))
    known = far & (n_1 >= p)
    bias = jnp.where(none, 0.0, jnp.where(known, silent, inside.bias))
    variance = jnp.where(none, alone, jnp.where(known, 0.0, inside.variance))
    settled = stationary_point(_total, jnp.where(none | far, 0.0, place), arguments)
    ratio = jnp.where(none, 0.0, jnp.where(far, jnp.inf, jnp.exp(settled)))
    return BestHeadRatio(ratio, PooledRisk(bias, variance, alone))


def _total(t: Array, arguments: tuple) -> Array:
    return _risk(jnp.exp(t), *arguments).total


def _risk(ratio: Array, *arguments: Array) -> PooledRisk:
    *rest, spectrum = arguments
    return scalar_heads_risk(ratio, *rest, source_spectrum=spectrum)
