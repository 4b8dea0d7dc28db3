"""Residuals of rows left out, and what groups of rows add to moments."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from theory.arguments import is_traced
from theory.risk.target_frame import column_sizes, target_frame
from theory.tasks import Tasks, TaskStatistics

# A group of leverage 1 has no prediction from the others; this far from it counts.
SPARE = 1e-6


class RowScores(eqx.Module):
    """Rows of every task in well-conditioned columns, with their residuals.

    With `W_i` that whitens task `i` and `Z = X_iW_i`, a group of rows `g` has residuals
    `e_g` and, predicted from the other groups, `u_g = (I − Z_gZ_gᵀ)⁻¹e_g`. `moment` are
    the sums `X_gᵀu_g`. `group` numbers the groups of a task, and `count` counts them.
    """

    covariates: Float[Array, "*k m d"]
    residual: Float[Array, "*k m"]
    left_out: Float[Array, "*k m"]
    moment: Float[Array, "*k m d"]
    group: Int[Array, "*k m"]
    present: Bool[Array, "*k m"]
    count: Float[Array, "*k"]


def condition_columns(rows: Tasks, samples: Float[Array, " k"]) -> Tasks:
    """Change columns so that the rows of all tasks together are orthogonal.

    Pooling does not depend on the coordinates of the inputs. Statistics of these
    columns lose nothing to dependencies that all tasks share, where those of the
    columns as given lose the square of the condition number.

    Args:
        rows: The tasks.
        samples: `m_i`.
    """
    x = rows.covariates
    k, m, d = x.shape
    sizes = jnp.max(jnp.sum(x**2, axis=1) / samples[:, None], axis=0)
    scaled = x / jnp.sqrt(jnp.where(sizes > 0, sizes, 1))
    left, value, _ = jnp.linalg.svd(scaled.reshape(k * m, d), full_matrices=False)
    seen = value > max(k * m, d) * jnp.finfo(x.dtype).eps * value[0]
    unit = jnp.sqrt(jnp.sum(samples))
    some = jnp.pad(jnp.where(seen, unit, 0), (0, d - len(value)))
    white = jnp.pad(left, ((0, 0), (0, d - len(value)))) * some
    return Tasks(white.reshape(k, m, d), rows.labels, rows.mask)


def row_statistics(rows: Tasks, samples: Float[Array, " k"]) -> TaskStatistics:
    """Statistics of the rows, with the number of samples given."""
    found = rows.statistics()
    return TaskStatistics(found.gram, found.moment, found.energy, samples)


def row_scores(
    rows: Tasks, statistics: TaskStatistics, groups: Int[Array, "*k m"]
) -> RowScores:
    """Residuals of every task's own least squares, in place and left out.

    `X_gᵀu_g` needs no matrix of the rows of a group: with `G_g = Z_gᵀZ_g` and
    `c_g = Z_gᵀe_g`, `(I − Z_gZ_gᵀ)⁻¹e_g = e_g + Z_g(I − G_g)⁻¹c_g`.

    Args:
        rows: The tasks.
        statistics: Of these rows.
        groups: Number of the group of each row in its task, from 0 and below `m`.

    Source: MacKinnon and White (1985) for rows; Bell and McCaffrey (2002) for groups.
    """
    sizes = column_sizes(statistics.gram, statistics.samples)

    def one(task: tuple) -> RowScores:
        (x, y, mask), own, group = task
        frame = target_frame(own.gram, own.samples, sizes)
        z = x @ frame.seen
        residual = jnp.where(mask, y - z @ (z.T @ y), 0)
        left_out = left_out_residual(z, residual, group)
        ones = mask.astype(x.dtype)
        count = jnp.sum(group_sums(ones, group) > 0).astype(x.dtype)
        moment = group_sums(x * left_out[:, None], group)
        return RowScores(x, residual, left_out, moment, group, mask, count)

    each = (rows.covariates, rows.labels, rows.mask)
    return lax.map(one, (each, statistics, groups))


def left_out_residual(
    z: Float[Array, "m d"],
    residual: Float[Array, " m"],
    group: Int[Array, " m"] | None,
) -> Float[Array, " m"]:
    """Residuals `u_g = e_g + Z_g(I − Z_gᵀZ_g)⁻¹Z_gᵀe_g` of rows that are white.

    Of a row of its own, with leverage `h = ‖z‖²`, that is `e + he/(1 − h)`.

    Args:
        z: White rows `Z`.
        residual: `e`.
        group: Number of the group of each row, below `m`; each row its own for None.
    """
    if group is None:
        leverage = jnp.sum(z**2, axis=1)
        return residual + leverage * residual / (1 - (1 - SPARE) * leverage)
    inner = group_sums(z[:, :, None] * z[:, None, :], group)
    right = group_sums(z * residual[:, None], group)
    eye = jnp.eye(z.shape[1])
    solved = jnp.linalg.solve(eye - (1 - SPARE) * inner, right[..., None])[..., 0]
    return residual + jnp.sum(z * solved[group], axis=1)


def group_sums(values: Array, group: Array) -> Array:
    """Sums over the rows of each group; as many as there are rows."""
    return jax.ops.segment_sum(values, group, num_segments=len(group))


def group_numbers(groups: object, rows: Tasks) -> Int[Array, "k m"]:
    """Groups of rows as numbers from 0 within each task; each row its own for None.

    Raises:
        ValueError: Not one group a row.
    """
    shape = rows.labels.shape
    if groups is None:
        return jnp.broadcast_to(jnp.arange(shape[1]), shape)
    found = jnp.asarray(groups) if is_traced(groups) else np.asarray(groups)
    if found.shape != shape:
        raise ValueError(
            f"groups must be {shape[0]} x {shape[1]}, one a row as in rows.labels, got "
            f"shape {found.shape}"
        )
    if is_traced(found):
        return jnp.asarray(found).astype(int)
    return jnp.asarray(
        np.stack([np.unique(one, return_inverse=True)[1] for one in found]).astype(int)
    )
