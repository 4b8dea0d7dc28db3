"""The estimated gain of pooling and the size of its errors, from rows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.gain_interval import GainParts
from theory.risk.gain_parts import size_of
from theory.risk.row_scores import SPARE, RowScores
from theory.risk.target_frame import Pooling, TargetFrame
from theory.tasks import TaskStatistics


class _Target(NamedTuple):
    """White rows of the target, and sums over its groups."""

    rows: Float[Array, "m d"]
    group: Array
    own: Float[Array, "m d"]  # c_g = Z_gᵀe_g
    left_out: Float[Array, "m d"]  # Z_gᵀu_g
    error: Float[Array, " m"]  # e_gᵀu_g
    alone: Float[Array, " m"]  # 1/(1 − z_jᵀz_j)²; 1 for the same rows
    pooled: Float[Array, " m"]  # 1/(1 − z_jᵀRz_j)²; 1 for the same rows
    present: Array


def row_parts(
    statistics: TaskStatistics,
    scores: RowScores,
    ratio: Float[Array, " k"],
    at: Array | int,
    frame: TargetFrame,
    pool: Pooling,
    new_rows: bool,
) -> GainParts:
    """`theory.risk.gain_parts` for noise of unequal size, dependent within groups.

    With `H = X_tᵀ Cov(ε_t) X_t` in place of `σ_t²S_t` the gain in a metric `S` is
    `tr(SM)`, `M = NH(N − R) + (N − R)HN − E ŵŵᵀ`, `N = S_t⁻`, since
    `RON = N − R` as before. A group adds `c_gu_gᵀ` to `H`, `c_g = Z_gᵀe_g` of its
    residuals and `u_g` of those left out, which is unbiased where noise is of one size
    and independent. For new rows each row in turn stands for one, left out: with
    `N = I`, `f_j = 1/(1 − z_jᵀz_j)`, `F_j = 1/(1 − z_jᵀRz_j)` and `A(φ) = Σφ_jz_jz_jᵀ`,

        m p_g = c_gᵀBu_g − c_gᵀA_g(f²)u_g + (Rc_g)ᵀA_g(F²)(Ru_g),
        B = A(f²) + (I − R)A(F²)(I − R) − RA(F²)R,

    with `A_g` of the rows of the group. A row of leverage 1 fits itself and stands for
    no new row: it is left out of the means that `A` are. `N̂ = Σ_g p_g` takes the
    place of `κσ̂_t²`, and `ŵᵀA(F²)ŵ/m` that of `F²T`. Errors: of `N̂` by the
    spread of the `p_g`; of `T` with `C` from `Σ_g (X_gᵀu_g)(X_gᵀu_g)ᵀ` in all tasks
    (the sandwich); of the metric by the spread over groups of `Σ_(j in g) z_jᵀMz_j`.

    Args:
        statistics: Of the rows.
        scores: Of the rows.
        ratio: `α_i/α_t`, 0 for the target.
        at: Index `t` of the target.
        frame: Of the target.
        pool: Its pooling.
        new_rows: As `estimate_gain`.

    Source: derived here; White (1980), Bell and McCaffrey (2002) for the sandwich.
    """
    own, mine = jax.tree.map(lambda leaf: leaf[at], (statistics, scores))
    m, task, count = own.samples, _target(mine, frame, pool, new_rows), scores.count[at]
    theta = pool.alone @ (frame.seen.T @ own.moment)
    moved = pool.pooled @ (
        pool.map.T @ (ratio @ statistics.moment) - pool.others @ theta
    )
    spare = jnp.maximum(count - frame.rank, 2)
    part, alone = _noise_parts(task, pool, new_rows)
    noise_part, noise_size, noise_freedom = spread_of(part / m, count, spare)
    noise, _, variance_freedom = spread_of(task.error / m, count, spare)
    inner = jnp.einsum("m,md,me->de", task.pooled, task.rows, task.rows) / m
    length = moved @ inner @ moved
    trace, square, freedom = _move(scores, ratio, at, task, pool, moved, inner)
    gain, unit = noise_part - length, noise + alone / m
    relative = gain / jnp.where(unit > 0, unit, 1)
    middle = jnp.einsum("md,me->de", task.own, task.left_out)
    middle = (middle + middle.T) / 2
    away = pool.others @ pool.pooled  # I − R
    whole = middle @ away + away.T @ middle
    share = (frame.rank - jnp.trace(away)) / m
    metric = _metric(task, whole, moved, share, count)
    shared = _metric(task, whole - relative * middle, moved, share, count)
    return GainParts(
        noise_part=noise_part,
        noise_size=noise_size,
        noise_freedom=noise_freedom,
        free_size=noise_size,
        variance_freedom=variance_freedom,
        length=length,
        length_trace=trace,
        length_square=square,
        length_freedom=freedom,
        metric=new_rows * metric[0],
        shared_metric=new_rows * shared[0],
        metric_freedom=metric[1],
        alone=alone / m,
        noise=noise,
    )


def _target(
    mine: RowScores, frame: TargetFrame, pool: Pooling, new_rows: bool
) -> _Target:
    z, group = mine.covariates @ frame.seen, mine.group

    spare = 1 - jnp.sum(z**2, axis=1)
    usable = mine.present & (spare > SPARE)
    share = jnp.sum(mine.present) / jnp.maximum(jnp.sum(usable), 1)

    def growth(inverse: Array) -> Float[Array, " m"]:
        if not new_rows:
            return jnp.ones(len(z))
        left = 1 - jnp.sum((z @ inverse) * z, axis=1)
        return jnp.where(usable, share / jnp.maximum(left, SPARE) ** 2, 0)

    return _Target(
        z,
        group,
        _sums(z * mine.residual[:, None], group),
        _sums(z * mine.left_out[:, None], group),
        _sums(mine.residual * mine.left_out, group),
        growth(jnp.eye(z.shape[1])),
        growth(pool.pooled),
        mine.present,
    )


def _noise_parts(
    task: _Target, pool: Pooling, new_rows: bool
) -> tuple[Float[Array, " m"], Array]:
    """The `m p_g`, and `m` times the excess risk alone."""
    eye, away = jnp.diag(pool.mask), pool.others @ pool.pooled
    away, here = (away + away.T) / 2, eye - (away + away.T) / 2
    one, both = (
        jnp.einsum("m,md,me->de", growth, task.rows, task.rows)
        for growth in (task.alone, task.pooled)
    )
    inner = one + away @ both @ away - here @ both @ here
    part = _product(task.own, inner, task.left_out)
    alone = _product(task.own, one, task.left_out)
    if new_rows:
        lone = _within(task, eye, task.alone)
        part += _within(task, here, task.pooled) - lone
        alone -= lone
    return part, jnp.sum(alone)


def _within(task: _Target, inner: Array, growth: Array) -> Float[Array, " m"]:
    """`Σ_(j in g) φ_j (z_jᵀAc_g)(z_jᵀAu_g)` of each group."""
    one = jnp.sum(task.rows * (task.own @ inner)[task.group], axis=1)
    other = jnp.sum(task.rows * (task.left_out @ inner)[task.group], axis=1)
    return _sums(growth * one * other, task.group)


def _move(
    scores: RowScores,
    ratio: Array,
    at: Array | int,
    task: _Target,
    pool: Pooling,
    moved: Array,
    metric: Array,
) -> tuple[Array, Array, Array]:
    """`tr C` and `uᵀCu`, and freedom of the latter."""
    sources = scores.moment @ (pool.map @ pool.pooled) * ratio[:, None, None]
    own = task.left_out @ pool.others @ pool.pooled
    every = sources.at[at].set(own)
    along = (every @ metric @ moved) ** 2
    total, fourth = jnp.sum(along), jnp.sum(along**2)
    freedom = 3 * total**2 / jnp.where(fourth > 0, fourth, 1)
    return (
        jnp.sum((every @ metric) * every),
        total,
        jnp.where(fourth > 0, freedom, jnp.inf),
    )


def _metric(
    task: _Target, whole: Array, moved: Array, share: Array, count: Array
) -> tuple[Array, Array]:
    """Size and freedom of the metric's error, for `M` of `whole` less the move."""
    m = jnp.maximum(jnp.sum(task.present), 1)
    value = jnp.sum((task.rows @ whole) * task.rows, axis=1)
    value -= task.pooled * (task.rows @ moved) ** 2
    centred = jnp.where(task.present, value - jnp.sum(value) / m, 0)
    square = jnp.sum(_sums(centred, task.group) ** 2) * count / (count - 1) / m**2
    growth = jnp.sum(task.pooled * task.present) / m
    size = size_of((whole - growth * jnp.outer(moved, moved)) / m)
    some, most = square > 0, jnp.maximum(m * (1 - share), 2)
    ideal = 2 * size**2 / jnp.where(some, square, 1)
    freedom = jnp.where(some, jnp.clip(ideal, 2, most), most)
    return jnp.where(some, jnp.sqrt(square * freedom / 2), 0), freedom


def spread_of(parts: Array, count: Array, most: Array) -> tuple[Array, Array, Array]:
    """Sum of the groups' parts, and size and freedom of a scaled chi-square like it.

    A sample of few parts seldom has the largest of them, so the freedom is at most
    that of noise of one size, and the size no less than for parts of one sign.
    """
    total, size = jnp.sum(parts), jnp.sum(jnp.abs(parts))
    square = jnp.sum(parts**2) - total**2 / count
    square = jnp.maximum(square, 0) * count / (count - 1)
    some = square > 0
    freedom = jnp.where(some, 2 * size**2 / jnp.where(some, square, 1), most)
    freedom = jnp.clip(freedom, 2, most)
    spread = jnp.sqrt(jnp.where(some, square, 1) * freedom / 2)
    return total, jnp.where(some, jnp.maximum(size, spread), 0), freedom


def _product(left: Array, inner: Array, right: Array) -> Float[Array, " m"]:
    return jnp.sum((left @ inner) * right, axis=1)


def _sums(values: Array, group: Array) -> Array:
    return jax.ops.segment_sum(values, group, num_segments=len(group))
