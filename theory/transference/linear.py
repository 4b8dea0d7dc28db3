"""Transference of the linear shared-module model, in closed form at a point."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike as Number
from jaxtyping import Array, Bool, Float

from theory.arguments import check_array, check_shape, is_traced, refuse
from theory.task_checks import check_statistics
from theory.tasks import TaskStatistics
from theory.transference.rules import Rule


class Transference(NamedTuple):
    """What a step on the loss of each source does to the loss of each target.

    All but `losses` are [source, target]. `value` is `Z_{i→j}`, `first_order` is `⟨Δ_i,
    ∇_sL_j⟩/L_j` and `cosine` that of the gradients `∇_sL_i` and `∇_sL_j`, NaN where one
    is zero. `losses` are the `L_j` before the step.
    """

    value: Float[Array, "k k"]
    first_order: Float[Array, "k k"]
    cosine: Float[Array, "k k"]
    losses: Float[Array, " k"]


class MeanLosses(NamedTuple):
    """Mean losses, their derivatives `u_j` with respect to `θ_j`, `H_j = G_j/m_j`."""

    losses: Float[Array, " k"]
    slopes: Float[Array, "k d"]
    curvature: Float[Array, "k d d"]


def linear_transference(
    statistics: TaskStatistics,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    rule: Rule,
    *,
    heads_rate: Number | None = None,
) -> Transference:
    """Transference between tasks of the linear shared-module model.

    Losses are means, `L_j = ‖X_jBa_j − y_j‖²/m_j`. With `θ_i = Ba_i`, `H_j = G_j/m_j`
    and `u_i = 2(G_iθ_i − g_i)/m_i` the gradient is `∇_BL_i = u_ia_iᵀ`. A displacement
    `Δ_i` of `B` moves `θ_j` by `−δ_ij`, `δ_ij = Δ_ia_j`, and exactly

        Z_{i→j} = 1 − L_j(B − Δ_i, a_j)/L_j = (δ_ijᵀu_j − δ_ijᵀH_jδ_ij)/L_j.

    With heads that take a step of gradient descent as well, `a_j − η_hBᵀu_j` in the
    numerator of every source, `δ_ij = Δ_ia_j + η_h(B − Δ_i)Bᵀu_j`. The first order
    stays that of the shared step; to first order, the head's own step adds
    `η_h‖Bᵀu_j‖²/L_j`.

    `Z_{·→j}` is NaN where `L_j` is zero, or as small as what rounding leaves of `e_j −
    2g_jᵀθ_j + θ_jᵀG_jθ_j`, and −inf where the new loss leaves the range of floats.
    jit-, vmap- and grad-compatible.

    Args:
        statistics: The tasks.
        shared: `B`.
        heads: `a_j`, one a row.
        rule: The step on `B`, with a state of the shape of `B`.
        heads_rate: `η_h`; heads stay as they are if not given.

    Raises:
        ValueError: Shapes do not fit, or, unless traced, a value is not finite, or
            `heads_rate` is below 0.

    Source: arXiv 2109.04617, equation 1 (heads unchanged); closed forms derived here.
    """
    check_model(statistics, shared, heads)
    if heads_rate is not None:
        heads_rate = check_array("heads_rate", heads_rate, "", "finite and >= 0")
    return _linear_transference(statistics, shared, heads, rule, heads_rate)


@jax.jit
def _linear_transference(
    statistics: TaskStatistics,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    rule: Rule,
    heads_rate: Float[Array, ""] | None,
) -> Transference:
    point = mean_losses(statistics, heads @ shared.T)
    moved = jax.vmap(lambda u, a: rule.displacement(jnp.outer(u, a)))(
        point.slopes, heads
    )
    shift = jnp.einsum("idr,jr->ijd", moved, heads)
    first = _share(jnp.einsum("ijd,jd->ij", shift, point.slopes), point.losses)
    if heads_rate is not None:
        step = heads_rate * point.slopes @ shared
        shift += jnp.einsum("idr,jr->ijd", shared - moved, step)
    return Transference(
        value=_decrease_share(shift, point),
        first_order=first,
        cosine=_cosine(point.slopes) * _cosine(heads),
        losses=point.losses,
    )


def subset_transference(
    statistics: TaskStatistics,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    members: Bool[Array | np.ndarray, "n k"],
    rule: Rule,
    *,
    mean: bool = False,
) -> Float[Array, "n k"]:
    """Transference from sets of tasks, whose gradients are summed, with heads fixed.

    As `linear_transference`, with `Δ_S` of `Σ_{i∈S} ∇_BL_i`, or of their mean. Under
    SGD `Z_{S→j} = (ηu_jᵀv_j − η²v_jᵀH_jv_j)/L_j` with `v_j = Σ_{i∈S} (a_iᵀa_j) u_i`:
    quadratic in the set, so that pairs and singles give all others.

    Args:
        statistics: The tasks.
        shared: `B`.
        heads: `a_j`, one a row.
        members: The sets, one a row.
        rule: The step on `B`.
        mean: Step along the mean, a shorter step, in place of the sum.

    Returns:
        `Z_{S→j}`, [set, target]; NaN and −inf as in `linear_transference`.

    Raises:
        ValueError: As `linear_transference`; or, unless traced, a set without tasks.

    Source: derived here.
    """
    k = check_model(statistics, shared, heads)
    sets = jnp.asarray(members, bool)
    check_shape("members", sets, "n k", k=k)
    if not is_traced(sets):
        size = np.asarray(sets).sum(axis=1)
        refuse("members", size, size == 0, "sets of one task or more")
    return _subset_transference(statistics, shared, heads, sets, rule, mean)


def _subset_transference(
    statistics: TaskStatistics,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    members: Bool[Array, "n k"],
    rule: Rule,
    mean: bool,
) -> Float[Array, "n k"]:
    point = mean_losses(statistics, heads @ shared.T)
    weight = members.astype(shared.dtype)
    if mean:
        weight /= jnp.sum(weight, axis=1, keepdims=True)
    moved = jax.vmap(rule.displacement)(
        jnp.einsum("ni,id,ir->ndr", weight, point.slopes, heads)
    )
    return _decrease_share(jnp.einsum("ndr,jr->njd", moved, heads), point)


def check_model(statistics: TaskStatistics, shared: Array, heads: Array) -> int:
    """Refuse a point that is none of the model; the number of tasks."""
    check_statistics(statistics, certificate=False)
    k, d = statistics.moment.shape
    check_array("shared", shared, "d r", d=d)
    check_array("heads", heads, "k r", k=k, r=shared.shape[1])
    return k


def mean_losses(
    statistics: TaskStatistics, parameters: Float[Array, "k d"]
) -> MeanLosses:
    """Losses, zero where they are rounding, and derivatives at `θ`."""
    rows = statistics.samples
    curved = jnp.einsum("kde,ke->kd", statistics.gram, parameters)
    sums = jnp.sum(parameters * (curved - 2 * statistics.moment), axis=1)
    total = statistics.energy + sums
    size = jnp.abs(parameters)
    terms = statistics.energy + 2 * jnp.sum(jnp.abs(statistics.moment) * size, axis=1)
    terms += jnp.einsum("kd,kde,ke->k", size, jnp.abs(statistics.gram), size)
    rounding = 8 * jnp.finfo(total.dtype).eps * terms
    slopes = 2 * (curved - statistics.moment) / rows[:, None]
    return MeanLosses(
        jnp.where(total > rounding, total, 0) / rows,
        slopes,
        statistics.gram / rows[:, None, None],
    )


def _share(decrease: Float[Array, "n k"], losses: Float[Array, " k"]) -> Array:
    """`D_j/L_j`, NaN where the loss is zero."""
    known = losses > 0
    return jnp.where(known, decrease / jnp.where(known, losses, 1), jnp.nan)


def _decrease_share(shift: Float[Array, "n k d"], point: MeanLosses) -> Array:
    """`(δᵀu − δᵀHδ)/L`; −inf where the terms leave the range of floats."""
    curved = jnp.einsum("jde,nje->njd", point.curvature, shift)
    decrease = jnp.einsum("njd,njd->nj", shift, point.slopes - curved)
    decrease = jnp.where(jnp.isfinite(decrease), decrease, -jnp.inf)
    return _share(decrease, point.losses)


def _cosine(rows: Float[Array, "k n"]) -> Float[Array, "k k"]:
    """Cosines of rows, NaN for a row of zeros."""
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    scaled = rows / jnp.where(largest > 0, largest, 1)
    square = jnp.sum(scaled**2, axis=1, keepdims=True)
    unit = scaled / jnp.sqrt(jnp.where(square > 0, square, jnp.nan))
    return unit @ unit.T
