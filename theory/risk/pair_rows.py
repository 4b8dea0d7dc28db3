"""Parts of the gain of a pair for noise of unequal size, with rows in common."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from theory.risk.gain_interval import GainParts
from theory.risk.gain_parts import size_of
from theory.risk.row_factors import RowFactors
from theory.risk.row_parts import spread_of
from theory.risk.row_scores import SPARE, group_sums

_Error = tuple[Array, Array]


class Pair(eqx.Module):
    """A target and a source in the coordinates of `Q_t`.

    `upper` and `lower` are `U_t` and `U_s`, `pooled` is `R`, `gone` is `I − R`, `moved`
    is `ŵ` and `fit` is `Uᵀ` of the labels. `link` is, for each group of
    the target, the source's group that is the same cluster, `m` for none.
    """

    own: RowFactors
    other: RowFactors
    upper: Float[Array, "d n"]
    lower: Float[Array, "d n"]
    pooled: Float[Array, "d d"]
    gone: Float[Array, "d d"]
    moved: Float[Array, " d"]
    fit: Float[Array, " n"]
    link: Int[Array, " m"] | None

    def linked(self, values: Array) -> Array:
        """Sums over the source's groups, at the target's; 0 where there is none."""
        assert self.link is not None
        sums = group_sums(values, self.other.group)
        padded = jnp.concatenate([sums, jnp.zeros_like(sums[:1])])
        return padded[self.link]

    def common(self) -> tuple[tuple[Array, Array], tuple[Array, Array], Array]:
        """Rows and residuals of the clusters in common, of both, and a mark of them."""
        own, other = self.own, self.other
        there = self.linked(other.present[:, None])[:, 0]
        mark = ((there > 0) & (group_sums(own.present, own.group) > 0)).astype(float)
        first = [group_sums(v, own.group) for v in (own.rows, own.residual)]
        second = [self.linked(v) for v in (other.rows, other.residual)]
        return (
            (first[0] * mark[:, None], first[1] * mark),
            (second[0] * mark[:, None], second[1] * mark),
            mark,
        )


def pair_row_parts(pair: Pair) -> GainParts:
    """`theory.risk.row_parts` of a pair without common rows.

    Args:
        pair: Target and source.

    Source: derived here.
    """
    own = pair.own
    m, q = own.samples, own.rows
    c = group_sums(q * own.residual[:, None], own.group)
    u = group_sums(q * own.left_out[:, None], own.group)
    mapped = pair.lower @ pair.upper.T
    sources = pair.other.rows * pair.other.left_out[:, None]
    other_u = group_sums(sources, pair.other.group) @ mapped
    alone, pooled = _growth(pair)
    one, both = (jnp.einsum("m,md,me->de", g, q, q) for g in (alone, pooled))
    gone, here = pair.gone, pair.pooled
    inner = one + gone @ both @ gone - here @ both @ here
    part = _product(c, inner, u)
    lone = _within(q, own.group, alone, c, u)
    part += _within(q, own.group, pooled, c @ here, u @ here)
    excess = jnp.sum(_product(c, one, u) - lone)
    spare = jnp.maximum(own.count - own.rank, 2)
    noise_part, noise_size, noise_freedom = spread_of(
        (part - lone) / m, own.count, spare
    )
    error = group_sums(own.residual * own.left_out, own.group)
    noise, _, variance_freedom = spread_of(error / m, own.count, spare)
    moved, metric = pair.moved, both / m
    length = moved @ metric @ moved
    every = jnp.concatenate([u @ gone, other_u])
    along = (every @ metric @ moved) ** 2
    total, fourth = jnp.sum(along), jnp.sum(along**2)
    freedom = 3 * total**2 / jnp.where(fourth > 0, fourth, 1)
    middle = c.T @ u
    middle = (middle + middle.T) / 2
    whole = middle @ gone + gone @ middle
    gain, unit = noise_part - length, noise + excess / m
    relative = gain / jnp.where(unit > 0, unit, 1)
    share = jnp.trace(here) / m
    metrics = [
        _metric(pair, pooled, w, share) for w in (whole, whole - relative * middle)
    ]
    return GainParts(
        noise_part=noise_part,
        noise_size=noise_size,
        noise_freedom=noise_freedom,
        free_size=noise_size,
        variance_freedom=variance_freedom,
        length=length,
        length_trace=jnp.sum((every @ metric) * every),
        length_square=total,
        length_freedom=jnp.where(fourth > 0, freedom, jnp.inf),
        metric=metrics[0][0],
        shared_metric=metrics[1][0],
        metric_freedom=metrics[0][1],
        alone=excess / m,
        noise=noise,
    )


def _growth(pair: Pair) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """`f²` and `F²` of each row, scaled; 0 for one that fits itself."""
    own = pair.own
    lone = 1 - jnp.sum(own.rows**2, axis=1)
    usable = (own.present > 0) & (lone > SPARE)
    share = own.total / jnp.maximum(jnp.sum(usable), 1)
    both = 1 - jnp.sum((own.rows @ pair.upper) ** 2, axis=1)
    alone, pooled = (
        jnp.where(usable, share / jnp.maximum(left, SPARE) ** 2, 0)
        for left in (lone, both)
    )
    return alone, pooled


def _metric(pair: Pair, pooled: Array, whole: Array, share: Array) -> _Error:
    """Size and freedom of the metric's error, for `M` of `whole` less the move."""
    own, m, moved = pair.own, pair.own.total, pair.moved
    value = jnp.sum((own.rows @ whole) * own.rows, axis=1)
    value -= pooled * (own.rows @ moved) ** 2
    centred = own.present * (value - jnp.sum(value) / m)
    square = jnp.sum(group_sums(centred, own.group) ** 2) / m**2
    square *= own.count / (own.count - 1)
    growth = jnp.sum(pooled * own.present) / m
    size = size_of((whole - growth * jnp.outer(moved, moved)) / m)
    some, most = square > 0, jnp.maximum(m * (1 - share), 2)
    ideal = 2 * size**2 / jnp.where(some, square, 1)
    freedom = jnp.where(some, jnp.clip(ideal, 2, most), most)
    return jnp.where(some, jnp.sqrt(square * freedom / 2), 0), freedom


def _product(left: Array, inner: Array, right: Array) -> Float[Array, " m"]:
    return jnp.sum((left @ inner) * right, axis=1)


def _within(
    rows: Array, group: Array, growth: Array, left: Array, right: Array
) -> Float[Array, " m"]:
    """`Σ_(j in g) φ_j (q_jᵀa_g)(q_jᵀb_g)` of each group."""
    one = jnp.sum(rows * left[group], axis=1)
    other = jnp.sum(rows * right[group], axis=1)
    return group_sums(growth * one * other, group)
