"""The interval of an estimated gain: noise, length of the move, and metric."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.chi_square_interval import (
    energy_interval,
    student_score,
    variance_interval,
)

# Residuals of a heavy tail have less variance than it more often than not. An excess
# kurtosis of 1 makes the variance of a variance larger by half, which is allowed for
# upwards, by degrees of freedom up to these: with fewer the bound is wide already.
HEAVY, MANY = 0.5, 20


class GainParts(eqx.Module):
    """What `ĝ = N̂ − F²T` is made of, and how far each part may be off.

    `noise_part` is `N̂`, `κσ̂²`, whose error is that of `noise_size` times a chi-square
    over its `noise_freedom` degrees of freedom. `length` is `F²T`; `length_trace` and
    `length_square` are `tr C` and `uᵀCu` in its unit, and `length_freedom` is that of
    the variances in `C`. `metric` is `√tr((SM)²)`, for a mean over `metric_freedom`
    rows. For the share of the error alone, `alone + noise`, whose `σ̂²` has
    `variance_freedom`, the metric's part is `shared_metric`, and `free_size` is the
    part of `noise_size` that is not in proportion to `σ̂²`.
    """

    noise_part: Float[Array, "*n"]
    noise_size: Float[Array, "*n"]
    noise_freedom: Float[Array, "*n"]
    free_size: Float[Array, "*n"]
    variance_freedom: Float[Array, "*n"]
    length: Float[Array, "*n"]
    length_trace: Float[Array, "*n"]
    length_square: Float[Array, "*n"]
    length_freedom: Float[Array, "*n"]
    metric: Float[Array, "*n"]
    shared_metric: Float[Array, "*n"]
    metric_freedom: Float[Array, "*n"]
    alone: Float[Array, "*n"]
    noise: Float[Array, "*n"]


Bounds = tuple[Array, Array]


def gain_bounds(
    parts: GainParts, score: Float[Array, ""], offset: Array | float = 0.0
) -> tuple[Bounds, Bounds]:
    """Bounds on the gain, and on the gain in shares of the error alone.

    Errors of the three parts are joined as `ĝ ± √(Δ_σ² + Δ_T² + Δ_S²)` (Zou and Donner
    2008). Of the gain, `Δ_σ` is what bounds on `σ²` change of `N̂`. Of the share,
    `(N̂ − F²T)/(σ̂²(1 + a))`, it is what they change of `F²T/σ̂²`: the rest does not
    depend on `σ̂²`. No gain exceeds the excess risk alone; so no bound does, taken at
    its own upper end, and none of the share exceeds 1.

    Args:
        parts: Of the estimate.
        score: Normal quantile of each side.
        offset: Optimism, which is taken off the lower bounds. The upper ones stay: what
            is taken off is an estimate too, and rather too large.
    """
    gain = parts.noise_part - parts.length
    one = jnp.ones(())
    short, long = _length_errors(parts, score)
    fewer, more = variance_interval(one, parts.metric_freedom, score)
    low, _ = variance_interval(one, parts.noise_freedom, score)
    _, high = variance_interval(one, _fewer(parts.noise_freedom), score)
    size = parts.noise_size
    down = _joined(size * (1 - low), long, parts.metric * (more - 1))
    up = _joined(size * (high - 1), short, parts.metric * (1 - fewer))
    most = jnp.maximum(parts.alone * high * more, gain)
    error = parts.alone + parts.noise
    error = jnp.where(error > 0, error, jnp.nan)
    share, length = gain / error, parts.length / error
    shared, free = parts.shared_metric / error, parts.free_size / error
    less, _ = variance_interval(one, parts.variance_freedom, score)
    _, least = variance_interval(one, _fewer(parts.variance_freedom), score)
    # 1/σ̂² is at its largest where σ̂² is at its lowest.
    worse = _joined(
        length * (1 / less - 1), long / error, shared * (more - 1), free * (1 - low)
    )
    better = _joined(
        length * (1 - 1 / least), short / error, shared * (1 - fewer), free * (high - 1)
    )
    excess = parts.alone / jnp.where(parts.noise > 0, parts.noise, 1) * more
    limit = jnp.maximum(excess / (1 + excess), share)
    of_gain = gain - offset - down, jnp.minimum(gain + up, most)
    worse += offset / error
    return of_gain, (share - worse, jnp.minimum(share + better, jnp.minimum(limit, 1)))


def _fewer(freedom: Array) -> Array:
    return freedom / (1 + HEAVY * jnp.minimum(freedom / MANY, 1))


def _joined(*errors: Array) -> Array:
    """Root of a sum of squares; its derivative at 0 is 0."""
    square = sum((error**2 for error in errors), jnp.zeros(()))
    root = jnp.sqrt(jnp.where(square > 0, square, 1))
    return jnp.where(square > 0, root, 0)


def _length_errors(parts: GainParts, score: Array) -> Bounds:
    """How far `E F²T` may be below and above `F²T`."""
    energy, trace = parts.length, parts.length_trace
    some = (trace > 0) & (parts.length_square > 0) & (energy > 0)
    unit = jnp.where(some, parts.length_square / jnp.where(some, energy, 1), 1)
    side = student_score(score, parts.length_freedom)
    at = jnp.where(some, energy, 1)
    low, high = energy_interval(at, jnp.where(some, trace, 1), unit, side)
    # T may lie below the mean that C alone gives; the bound then is that mean.
    short = jnp.where(some, jnp.maximum(at - low, 0), 0)
    return short, jnp.where(some, jnp.maximum(high - at, 0), 0)
