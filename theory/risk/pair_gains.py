"""Gains of every pair of tasks, by orthogonal factors of their rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from theory.risk.common_rows import common_row_parts
from theory.risk.gain_interval import GainParts
from theory.risk.gain_parts import noise_factors, size_of
from theory.risk.gain_result import (
    FEW_ROWS,
    LEAST_INTERVAL,
    NO_NOISE,
    GainEstimate,
    found_gain,
)
from theory.risk.pair_rows import Pair, pair_row_parts
from theory.risk.row_factors import RowFactors, column_norms


class PairGains(eqx.Module):
    """Gains source by target: noise of one size a task, and of any.

    `equal` takes the noise of a task as of one size; where the pair has rows in common
    only its estimate does, and its interval is that of `any_noise` around it.
    `any_noise` allows for noise of unequal size and, within groups, for dependence
    (`theory.risk.row_parts`). `correlation` is that of the noise of the two tasks on
    common rows, 0 where there are none.
    """

    equal: GainEstimate
    any_noise: GainEstimate
    correlation: Float[Array, "*n"]


def pair_gains(
    factors: RowFactors,
    score: Float[Array, "*s"],
    links: Int[Array, "k k m"] | Int[np.ndarray, "k k m"] | None = None,
) -> PairGains:
    """`estimate_gain` on new rows of every pair with weights 1, without cancellation.

    Let `U_t` and `U_s` be the upper and lower half of the left singular vectors of
    `[R_t; R_s]`, with columns scaled to unit norm. In the coordinates of `Q_t`, where
    `S_t = I`, pooling is `R = U_tU_tᵀ` and `I − R` of what sources bring; it maps the
    source's rows by `U_tU_sᵀ`, and `ŵ = U_tUᵀ[Q_tᵀy_t; Q_sᵀy_s] − Q_tᵀy_t`. All of it
    are products of orthogonal matrices, whatever units and condition.

    **Common rows.** Tasks whose labels belong to the same rows have correlated noise,
    `Cov(ε_t,j, ε_s,j) = σ_ts`. With `H_ts = E X_tᵀε_tε_sᵀX_s` the gain in a metric `S`
    is, with `N = S_t⁻`,

        tr S[NH_tt(N − R) + (N − R)H_ttN − RH_stN − NH_tsR] − E ŵᵀSŵ:

    pooling saves less than if noise were independent by twice `tr(SNH_tsR)`, and for a
    task and its copy it saves nothing. On new rows see `theory.risk.common_rows`.

    Args:
        factors: Of the tasks' rows.
        score: Normal quantile of each side of the interval; several make a leading
            axis.
        links: `theory.risk.row_factors.common_groups`, if there are common rows.

    Source: derived here.
    """
    return _pairs(factors, score, None if links is None else jnp.asarray(links))


@jax.jit
def _pairs(
    factors: RowFactors, score: Array, links: Int[Array, "k k m"] | None
) -> PairGains:
    k = len(factors.samples)

    def one(at: Array) -> PairGains:
        source, target = at % k, at // k
        link = None if links is None else links[source, target]
        return _gains(_pair(factors, source, target, link), score)

    found = jax.lax.map(one, jnp.arange(k * k))

    def by_source(leaf: Array) -> Array:
        whole = leaf.reshape(k, k, *score.shape)
        return jnp.moveaxis(whole, (0, 1), (-1, -2))

    square = jax.tree.map(by_source, found)
    same = jnp.eye(k, dtype=bool)
    kept = {"alone", "noise", "code"}

    def cleared(gain: GainEstimate) -> GainEstimate:
        return GainEstimate(
            **{
                name: leaf if name in kept else jnp.where(same, 0, leaf)
                for name, leaf in vars(gain).items()
            }
        )

    return PairGains(
        cleared(square.equal),
        cleared(square.any_noise),
        jnp.where(same, 1, square.correlation),
    )


def _pair(
    factors: RowFactors, source: Array, target: Array, link: Array | None
) -> Pair:
    own = jax.tree.map(lambda leaf: leaf[target], factors)
    other = jax.tree.map(lambda leaf: leaf[source], factors)
    stack = jnp.concatenate([own.triangle, other.triangle])
    left, value, _ = jnp.linalg.svd(stack / column_norms(stack), full_matrices=False)
    d, eps = len(value), jnp.finfo(value.dtype).eps
    left = left * (value > 4 * d * eps * value[0])
    upper, lower = left[:d], left[d:]
    fit = left.T @ jnp.concatenate([own.moment, other.moment])
    pooled = upper @ upper.T
    # What the source brings, C² + S² = 1 in directions that the target sees.
    gone = jnp.diag(own.mask) - pooled
    return Pair(
        own, other, upper, lower, pooled, gone, upper @ fit - own.moment, fit, link
    )


def _gains(pair: Pair, score: Array) -> PairGains:
    own, other = pair.own, pair.other
    covariance = _covariance(pair)
    equal, rows = _equal_parts(pair), pair_row_parts(pair)
    if pair.link is not None:
        some = jnp.sum(pair.common()[2]) > 0
        equal, rows = jax.tree.map(
            lambda new, old: jnp.where(some, new, old),
            common_row_parts(pair, covariance, equal),
            (equal, rows),
        )
    few = jnp.minimum(own.spare, other.spare) < LEAST_INTERVAL
    code = jnp.where(few, FEW_ROWS, 0)
    code = jnp.where(own.noise_variance <= 0, NO_NOISE, code)
    size = jnp.sqrt(own.noise_variance * other.noise_variance)
    correlation = covariance / jnp.where(size > 0, size, 1)

    def told(parts: GainParts) -> GainEstimate:
        if score.ndim == 0:
            return found_gain(parts, code, score)
        return jax.vmap(lambda one: found_gain(parts, code, one))(score)

    shape = (*score.shape, *correlation.shape)
    return PairGains(told(equal), told(rows), jnp.broadcast_to(correlation, shape))


def _covariance(pair: Pair) -> Float[Array, ""]:
    """`σ̂_ts`, at most `σ̂_tσ̂_s` in size."""
    if pair.link is None:
        return jnp.zeros(())
    own, other = pair.own, pair.other
    level = [jnp.sqrt((one.total - one.samples) / one.total) for one in (own, other)]
    first, second, n = pair.common()
    z, w = (
        jnp.concatenate([rows, flag * jnp.sqrt(1 / one.total) * present[:, None]], 1)
        for rows, flag, one, present in (
            (first[0], level[0] > 0, own, n),
            (second[0], level[1] > 0, other, n),
        )
    )
    spare = jnp.sum(n) - jnp.sum(z**2) - jnp.sum(w**2) + jnp.sum((z.T @ w) ** 2)
    found = jnp.sum(first[1] * second[1]) / jnp.maximum(spare, 1)
    most = jnp.sqrt(own.noise_variance * other.noise_variance)
    return jnp.clip(found, -most, most)


def _equal_parts(pair: Pair) -> GainParts:
    """`theory.risk.gain_parts` of a pair."""
    own, other = pair.own, pair.other
    m, noise, rank = own.samples, own.noise_variance, own.rank
    rho, spare = rank / m, jnp.maximum(jnp.trace(pair.gone), 0) / m
    share = rho - spare
    factor, alone, kappa = noise_factors(rho, spare, True)
    noise_part = kappa * noise
    square = factor**2
    moved, away = pair.moved, pair.gone
    length = square * (moved @ moved) / m
    along = away @ moved
    # C = σ_s² R(I − R) + σ_t² (I − R)².
    inner, own_part = moved @ along - along @ along, along @ along
    sources, target = other.noise_variance * inner, noise * own_part
    total = jnp.maximum(sources + target, 0)
    both = jnp.trace(away) * other.noise_variance
    both += jnp.sum(away**2) * (noise - other.noise_variance)
    inverse = sources**2 / jnp.maximum(other.freedom, 1)
    inverse += target**2 / jnp.maximum(own.freedom, 1)
    some = inverse > 0
    freedom = jnp.where(some, total**2 / jnp.where(some, inverse, 1), jnp.inf)
    metric = (2 * noise * away - square * jnp.outer(moved, moved)) / m
    unit = noise * (1 + alone)
    relative = (noise_part - length) / jnp.where(unit > 0, unit, 1) * noise
    shared = metric - relative * jnp.diag(own.mask) / m
    return GainParts(
        noise_part=noise_part,
        noise_size=jnp.abs(noise_part),
        noise_freedom=own.freedom,
        free_size=jnp.zeros_like(noise),
        variance_freedom=own.freedom,
        length=length,
        length_trace=square * jnp.maximum(both, 0) / m,
        length_square=square**2 * total / m**2,
        length_freedom=freedom,
        metric=size_of(metric),
        shared_metric=size_of(shared),
        metric_freedom=jnp.maximum(m * (1 - share), 1),
        alone=alone * noise,
        noise=noise,
    )
