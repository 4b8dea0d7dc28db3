"""The gain of pooling two tasks whose labels belong to the same rows, in part."""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.gain_interval import GainParts
from theory.risk.pair_rows import Pair, pair_row_parts
from theory.risk.row_factors import RowFactors
from theory.risk.row_parts import spread_of
from theory.risk.row_scores import SPARE, group_sums


def common_row_parts(
    pair: Pair, covariance: Float[Array, ""], equal: GainParts
) -> tuple[GainParts, GainParts]:
    """Parts of the gain on new rows, each row left out of both tasks standing for one.

    At a row `x_j` that is left out of both, `a_j` and `p_j` are the errors that noise
    makes of the solutions alone and pooled, and `D_j` is the difference of the two
    predictions, pooled less alone. Noise of the left-out row is in neither, so that

        E D_j² = bias_j² + Var p_j + Var a_j − 2 Cov(a_j, p_j),
        gain_j = Var a_j − Var p_j − bias_j² = 2 Cov(a_j, a_j − p_j) − E D_j².

    Only noise of the target, and what noise of the source goes along with it, must be
    known. In the coordinates of `Q_t` and of `U`, with `z_j = U_tᵀq_j`, `z_j'` that of
    the source's copy of the row (0 if it has none), and the 2 x 2 matrix `H` of their
    products,

        a_j = f_jq_jᵀ Σ_(l≠j) q_lε_l,   f_j = 1/(1 − q_jᵀq_j),
        p_j = k_jᵀ Σ_(l≠j) (z_lε_l + z_l'ε_l'),

    with `k_j` the first row of `(I − H)⁻¹(z_j, z_j')`.

    For noise of one size the covariance takes `σ_t²q_lq_lᵀ` and `σ_ts q_lz_l'ᵀ`; for
    any noise residuals and those left out take their place, cluster by cluster. For a
    task and its copy `p_j = a_j` and `D_j = 0`: nothing is gained.

    Args:
        pair: Target and source.
        covariance: `σ_ts`, of the noise on common rows.
        equal: Parts for noise of one size as if no row were common; its error of the
            target alone stands.

    Returns:
        The parts for noise of one size, with errors of the other, and for any noise.

    Source: derived here; Allen (1974) for rows left out.
    """
    own, other = pair.own, pair.other
    left = _left_out(pair)
    c, u = (group_sums(own.rows * e[:, None], own.group) for e in _residuals(own))
    there = other.rows @ pair.lower
    # Sums over clusters of z e and z u, in both tasks.
    both = [
        sums @ pair.upper + pair.linked(there * e[:, None])
        for sums, e in zip((c, u), _residuals(other), strict=True)
    ]
    f, k, weight = left.factor, left.pooled, left.weight
    part = 2 * _apart(own, weight * f**2, own.rows, c, u)
    for ends in ((c, both[1]), (u, both[0])):
        part -= _apart(own, weight * f, k, *ends)
    spare = jnp.maximum(own.count - own.rank, 2)
    noise_part, size, freedom = spread_of(part, own.count, spare)
    rows = pair_row_parts(pair)
    metric = _spread_of_rows(pair, left, c.T @ u, c.T @ both[1])
    any_noise = replace(
        rows,
        noise_part=noise_part,
        noise_size=size,
        noise_freedom=freedom,
        free_size=size,
        length=jnp.sum(weight * left.move**2),
        metric=metric * jnp.sqrt(spare / 2),
        shared_metric=metric * jnp.sqrt(spare / 2),
        metric_freedom=spare,
        **_noise_of_move(pair, left, u, both[1], there),
    )
    some_noise = replace(
        any_noise,
        noise_part=_equal_noise(pair, left, covariance),
        alone=equal.alone,
        noise=equal.noise,
        variance_freedom=equal.variance_freedom,
    )
    return some_noise, any_noise


class _LeftOut(eqx.Module):
    """Of every row of the target, left out of both tasks."""

    factor: Float[Array, " m"]  # f_j
    here: Float[Array, "m n"]  # z_j
    copy: Float[Array, "m n"]  # z_j'
    pooled: Float[Array, "m n"]  # k_j
    move: Float[Array, " m"]  # D_j
    weight: Float[Array, " m"]  # of the mean, 0 for a row that fits itself


def _left_out(pair: Pair) -> _LeftOut:
    own, other = pair.own, pair.other
    q, z = own.rows, own.rows @ pair.upper
    # A copy is a row of the source whose cluster has one row in each task.
    single = group_sums(own.present, own.group)[own.group] == 1
    single &= pair.linked(other.present[:, None])[own.group, 0] == 1
    copy = pair.linked(other.rows @ pair.lower)[own.group] * single[:, None]
    fit = pair.lower @ pair.fit
    missed = (other.labels - other.rows @ fit)[:, None]
    missed = pair.linked(missed)[own.group, 0] * single
    lone = 1 - jnp.sum(q**2, axis=1)
    f = 1 / jnp.maximum(lone, SPARE)
    h, there = 1 - jnp.sum(z**2, axis=1), 1 - jnp.sum(copy**2, axis=1)
    cross = jnp.sum(z * copy, axis=1)
    size = jnp.maximum(h * there - cross**2, SPARE)
    k = (there[:, None] * z + cross[:, None] * copy) / size[:, None]
    residual = own.labels - q @ (pair.upper @ pair.fit)
    pooled = (there * residual + cross * missed) / size
    kept = (own.present > 0) & (lone > SPARE)
    weight = kept / jnp.maximum(jnp.sum(kept), 1)
    return _LeftOut(f, z, copy, k, f * own.residual - pooled, weight)


def _residuals(task: RowFactors) -> tuple[Array, Array]:
    return task.residual, task.left_out


def _apart(
    own: RowFactors, weight: Array, other: Array, left: Array, right: Array
) -> Float[Array, " m"]:
    """`Σ_(j not in g) w_j (q_jᵀa_g)(k_jᵀb_g)` of each cluster."""
    inner = jnp.einsum("m,md,mn->dn", weight, own.rows, other)
    whole = jnp.sum((left @ inner) * right, axis=1)
    one = jnp.sum(own.rows * left[own.group], axis=1)
    two = jnp.sum(other * right[own.group], axis=1)
    return whole - group_sums(weight * one * two, own.group)


def _equal_noise(pair: Pair, left: _LeftOut, covariance: Array) -> Float[Array, ""]:
    """Twice the mean of `Cov(a_j, a_j − p_j)` for noise of one size."""
    own, q, f, k = pair.own, pair.own.rows, left.factor, left.pooled
    lever = jnp.sum(q**2, axis=1)
    across = q.T @ left.copy
    alone = f**2 * lever * (1 - lever) * own.noise_variance
    both = own.noise_variance * (
        jnp.sum((q @ pair.upper) * k, axis=1) - lever * jnp.sum(left.here * k, axis=1)
    )
    both += covariance * (
        jnp.sum((q @ across) * k, axis=1) - lever * jnp.sum(left.copy * k, axis=1)
    )
    return 2 * jnp.sum(left.weight * (alone - f * both))


def _noise_of_move(
    pair: Pair, left: _LeftOut, u: Array, both: Array, there: Array
) -> dict[str, Array]:
    """`tr C`, `uᵀCu` and the latter's freedom, with `κ_j = (k_j, −f_jq_j)`.

    The noise of cluster `g` in `D_j` is `κ_jᵀw_g`, `w_g` of both tasks' sums.
    """
    own, other = pair.own, pair.other
    kappa = jnp.concatenate([left.pooled, -left.factor[:, None] * own.rows], axis=1)
    mine = jnp.concatenate([both, u], axis=1)
    sums = group_sums(there * other.left_out[:, None], other.group)
    linked = jnp.zeros(len(sums) + 1).at[pair.link].set(1)[:-1]
    rest = sums * (1 - linked)[:, None]
    rest = jnp.concatenate([rest, jnp.zeros_like(u)], axis=1)
    middle = jnp.einsum("m,mi,mj->ij", left.weight, kappa, kappa)
    slope = (left.weight * left.move) @ kappa
    inside = jnp.sum(kappa * mine[own.group], axis=1)
    squares = jnp.concatenate(
        [
            jnp.sum((mine @ middle) * mine, axis=1)
            - group_sums(left.weight * inside**2, own.group),
            jnp.sum((rest @ middle) * rest, axis=1),
        ]
    )
    along = jnp.concatenate(
        [
            mine @ slope - group_sums(left.weight * left.move * inside, own.group),
            rest @ slope,
        ]
    )
    total, fourth = jnp.sum(along**2), jnp.sum(along**4)
    freedom = 3 * total**2 / jnp.where(fourth > 0, fourth, 1)
    return {
        "length_trace": jnp.maximum(jnp.sum(squares), 0),
        "length_square": total,
        "length_freedom": jnp.where(fourth > 0, freedom, jnp.inf),
    }


def _spread_of_rows(
    pair: Pair, left: _LeftOut, alone: Array, both: Array
) -> Float[Array, ""]:
    """Standard error of the mean of the rows' gains, over clusters."""
    own, f, q = pair.own, left.factor, pair.own.rows
    value = 2 * f**2 * jnp.sum((q @ alone) * q, axis=1)
    value -= 2 * f * jnp.sum((q @ both) * left.pooled, axis=1)
    value -= left.move**2
    centred = left.weight * (value - jnp.sum(left.weight * value))
    square = jnp.sum(group_sums(centred, own.group) ** 2)
    return jnp.sqrt(square * own.count / (own.count - 1))
