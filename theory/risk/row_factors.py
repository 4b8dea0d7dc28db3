"""Orthogonal factors of the rows of tasks, for pairs of tasks that are pooled."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from theory.risk.estimates import CANCELLED, ROUNDED, check_rows
from theory.risk.row_scores import group_numbers, group_sums, left_out_residual
from theory.tasks import Tasks, TaskStatistics


class RowFactors(eqx.Module):
    """`X_i = Q_iR_i` of every task, with residuals `e_i = y_i − Q_iQ_iᵀy_i`.

    `rows` are the orthonormal `Q_i`, `triangle` is `R_i` and `moment` is `Q_iᵀy_i`;
    columns that the rows do not see are zero in `Q_i` and in rows of `R_i`, as `mask`
    tells. `left_out` are the residuals of groups predicted from the others, `spare` the
    number of rows, or groups, more than directions. `noise_variance` is
    `‖e_i‖²/ν_i`, 0 where it is rounding.
    """

    rows: Float[Array, "*k m d"]
    labels: Float[Array, "*k m"]
    triangle: Float[Array, "*k d d"]
    moment: Float[Array, "*k d"]
    mask: Float[Array, "*k d"]
    residual: Float[Array, "*k m"]
    left_out: Float[Array, "*k m"]
    group: Int[Array, "*k m"]
    present: Float[Array, "*k m"]
    samples: Float[Array, "*k"]
    total: Float[Array, "*k"]
    freedom: Float[Array, "*k"]
    spare: Float[Array, "*k"]
    count: Float[Array, "*k"]
    noise_variance: Float[Array, "*k"]

    @property
    def rank(self) -> Float[Array, "*k"]:
        """Number of directions that the rows see."""
        return jnp.sum(self.mask, axis=-1)


def row_factors(
    rows: Tasks, samples: ArrayLike, groups: ArrayLike | None = None
) -> RowFactors:
    """Factorise the rows of every task, with columns scaled to unit norm.

    A direction counts if its singular value is above `4 max(m, d) ε` of the largest.

    Args:
        rows: The tasks.
        samples: Rows that count, `m_i − 1` where rows are centred.
        groups: Number of the group of each row in its task; each row its own for None.

    Raises:
        ValueError: Shapes do not fit, or a value is not finite.

    Source: derived here.
    """
    number = jnp.asarray(samples, float)
    k, _, d = rows.covariates.shape
    if number.shape != (k,):
        raise ValueError(
            f"samples must have one number a task, {k}, got shape {number.shape}"
        )
    blank = jnp.zeros((k, d))
    check_rows(TaskStatistics(jnp.zeros((k, d, d)), blank, blank[:, 0], number), rows)
    return _factors(rows, number, group_numbers(groups, rows), groups is None)


@partial(jax.jit, static_argnums=3)
def _factors(rows: Tasks, samples: Array, groups: Array, lone: bool) -> RowFactors:
    each = (rows, samples, groups)
    return jax.lax.map(lambda task: _factor(task[0], task[1], task[2], lone), each)


def _factor(rows: Tasks, samples: Array, group: Array, lone: bool) -> RowFactors:
    x, y, mask = rows.covariates, rows.labels, rows.mask.astype(float)
    eps, d = jnp.finfo(x.dtype).eps, x.shape[1]
    scale = column_norms(x)
    left, value, right = jnp.linalg.svd(x / scale, full_matrices=False)
    seen = (value > 4 * max(x.shape) * eps * value[0]).astype(x.dtype)
    short = d - len(value)
    q = jnp.pad(left * seen, ((0, 0), (0, short)))
    triangle = jnp.pad((seen * value)[:, None] * right, ((0, short), (0, 0))) * scale
    moment = q.T @ y
    residual = mask * (y - q @ moment)
    # Once more, for what rounding left along the directions.
    residual -= q @ (q.T @ residual)
    freedom = samples - jnp.sum(seen)
    count = jnp.sum(group_sums(mask, group) > 0).astype(x.dtype)
    noise = jnp.sum(residual**2)
    size = jnp.abs(y) + jnp.abs(q) @ jnp.abs(moment)
    least = jnp.sum((ROUNDED * d * eps * size) ** 2)
    least = jnp.maximum(least, (CANCELLED * eps) ** 2 * jnp.sum(y**2))
    return RowFactors(
        q,
        y,
        triangle,
        moment,
        jnp.pad(seen, (0, short)),
        residual,
        left_out_residual(q, residual, None if lone else group),
        group,
        mask,
        samples,
        jnp.sum(mask),
        freedom,
        jnp.minimum(freedom, count - jnp.sum(seen)),
        count,
        jnp.where(noise > least, noise, 0) / jnp.maximum(freedom, 1),
    )


def column_norms(x: Float[Array, "m d"]) -> Float[Array, " d"]:
    """Norms of the columns without overflow; 1 for a column of zeros."""
    top = jnp.max(jnp.abs(x), axis=0, initial=0)
    top = jnp.where(top > 0, top, 1)
    norm = top * jnp.sqrt(jnp.sum((x / top) ** 2, axis=0))
    return jnp.where(norm > 0, norm, 1)


def common_groups(
    clusters: list[np.ndarray], width: int
) -> tuple[Int[np.ndarray, "k m"], Int[np.ndarray, "k k m"] | None]:
    """Numbers of groups within tasks, and which groups of two tasks are one cluster.

    Args:
        clusters: The cluster of every row of every task, with one number in all tasks.
        width: Number `m` of padded rows.

    Returns:
        Groups within each task, from 0; padded rows have numbers of their own. And
        `links[i, t, g]`, the group of task `i` that is group `g` of task `t`, `m` for
        none; None if no two tasks have a cluster in common.
    """
    k = len(clusters)
    group = np.tile(np.arange(width), (k, 1))
    names = []
    for index, own in enumerate(clusters):
        name, group[index, : len(own)] = np.unique(own, return_inverse=True)
        names.append(name)
    whole, times = np.unique(np.concatenate(names), return_counts=True)
    if not np.any(times > 1):
        return group, None
    links = np.full((k, k, width), width)
    for source, name in enumerate(names):
        place = np.full(len(whole), width)
        place[np.searchsorted(whole, name)] = np.arange(len(name))
        for target, other in enumerate(names):
            links[source, target, : len(other)] = place[np.searchsorted(whole, other)]
    return group, links
