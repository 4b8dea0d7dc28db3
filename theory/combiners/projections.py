"""Combiners that turn each gradient away from conflicts: PCGrad, GradVac, UPGrad."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_shape, is_traced
from theory.combiners.nonnegative import nonnegative_least_squares
from theory.combiners.rows import check_gradients, unit_rows


class GradVac(NamedTuple):
    """The combined gradient, and the cosines that were met on the way.

    `cosine[i, j]` is that of task `i`'s gradient, as changed so far, with `g_j`; ones
    on the diagonal. The next targets are `(1 − β)·targets + β·cosine`.
    """

    gradient: Float[Array, " n"]
    cosine: Float[Array, "k k"]


def pcgrad(gradients: ArrayLike, *, order: ArrayLike) -> Float[Array, " n"]:
    """Combine gradients by PCGrad.

    From each `g_i`, in the given order of the other tasks `j`, what conflicts with the
    unchanged `g_j` is removed,

        g_i ← g_i − min(⟨g_i, g_j⟩, 0)/‖g_j‖² g_j,

    and the results are summed. A gradient of zero conflicts with none. jit- and
    vmap-compatible; differentiable where no inner product is zero.

    Args:
        gradients: `g_i`, one a row (k x n).
        order: Row `i` lists the other tasks in the order of their projections
            (k x k−1); the paper draws it at random in each step.

    Raises:
        ValueError: Shapes do not fit, or, unless traced, a value is not finite or a row
            of `order` does not list the other tasks.

    Source: arXiv 2001.06782, algorithm 1.
    """
    rows = check_gradients(gradients)
    orders = _check_order(order, len(rows))
    directions = unit_rows(rows)[0]

    def project(
        row: Float[Array, " n"], task: Int[Array, ""]
    ) -> tuple[Float[Array, " n"], None]:
        direction = directions[task]
        return row - jnp.minimum(row @ direction, 0) * direction, None

    return jnp.sum(jax.vmap(lambda g, o: lax.scan(project, g, o)[0])(rows, orders), 0)


def gradvac(gradients: ArrayLike, *, order: ArrayLike, targets: ArrayLike) -> GradVac:
    """Combine gradients by GradVac (gradient vaccine).

    In the given order of the other tasks `j`, a `g_i` whose cosine `φ` with `g_j` is
    below the target `τ = targets[i, j]` is turned until it has this cosine,

        g_i ← g_i + ‖g_i‖ (τ√(1 − φ²) − φ√(1 − τ²)) / (‖g_j‖√(1 − τ²)) g_j,

    and the results are summed. With targets of zero this is PCGrad. A gradient of zero
    is not turned and turns none. jit- and vmap-compatible; differentiable where no
    cosine equals its target.

    Args:
        gradients: `g_i`, one a row (k x n).
        order: As in `pcgrad`.
        targets: `τ` in (−1, 1) off the diagonal (k x k); the paper has running means of
            the cosines, from 0.

    Raises:
        ValueError: As `pcgrad`; or, unless traced, a target outside (−1, 1).

    Source: arXiv 2010.05874, equation 3 and algorithm 1.
    """
    rows = check_gradients(gradients)
    orders = _check_order(order, len(rows))
    wanted = check_array("targets", targets, "k k", k=len(rows))
    others = ~np.eye(len(rows), dtype=bool)
    if not is_traced(wanted) and (np.abs(np.asarray(wanted))[others] >= 1).any():
        worst = np.abs(np.asarray(wanted))[others].max()
        raise ValueError(f"targets must be in (-1, 1), got {worst} in size")
    turned, cosines = jax.vmap(_vaccinated, (0, 0, 0, None))(
        rows, orders, wanted, unit_rows(rows)[0]
    )
    cosine = jnp.ones((len(rows),) * 2, rows.dtype)
    cosine = cosine.at[jnp.arange(len(rows))[:, None], orders].set(cosines)
    return GradVac(jnp.sum(turned, axis=0), cosine)


def _vaccinated(
    gradient: Float[Array, " n"],
    order: Int[Array, " o"],
    targets: Float[Array, " k"],
    directions: Float[Array, "k n"],
) -> tuple[Float[Array, " n"], Float[Array, " o"]]:
    def turn(
        row: Float[Array, " n"], task: Int[Array, ""]
    ) -> tuple[Float[Array, " n"], Float[Array, ""]]:
        direction, target = directions[task], targets[task]
        along = row @ direction
        across = row - along * direction
        square = jnp.sum(across**2)
        width = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
        size = jnp.hypot(along, width)
        cosine = jnp.where(size > 0, along / jnp.where(size > 0, size, 1), 0)
        # ‖g_i‖√(1 − φ²) is the part across g_j, ‖g_i‖φ the part along it.
        more = width * target / jnp.sqrt(1 - target**2) - along
        usable = (cosine < target) & (size > 0) & jnp.any(direction != 0)
        return row + jnp.where(usable, more, 0) * direction, cosine

    return lax.scan(turn, gradient, order)


def upgrad(gradients: ArrayLike) -> Float[Array, " n"]:
    """Combine gradients by UPGrad: their mean projection on the cone without conflict.

        d = (1/k) Σ_i argmin {‖x − g_i‖² : ⟨g_j, x⟩ ≥ 0 for all j}.

    The projection is `g_i + Σ_j v_j g_j` with `v ≥ 0` of least `‖g_i + Σ_j v_j g_j‖`,
    the dual problem. jit- and vmap-compatible; differentiable where the set of active
    constraints does not change.

    Args:
        gradients: `g_i`, one a row (k x n).

    Raises:
        ValueError: Not k x n, or, unless traced, a value that is not finite.

    Source: arXiv 2406.16232 (the mean of projections); solver derived here.
    """
    directions, norms = unit_rows(check_gradients(gradients))
    gram = directions @ directions.T
    added = jax.vmap(nonnegative_least_squares, (None, 0))(gram, -gram)
    return jnp.mean(norms[:, None] * (directions + added @ directions), axis=0)


def _check_order(order: ArrayLike, count: int) -> Int[Array, "k o"]:
    orders = jnp.asarray(order)
    if count == 1 and not orders.size:
        return jnp.zeros((1, 0), int)
    check_shape("order", orders, "k others", k=count, others=count - 1)
    if not is_traced(orders):
        for task, row in enumerate(np.asarray(orders)):
            if sorted(row) != [i for i in range(count) if i != task]:
                raise ValueError(
                    f"order[{task}] must list the tasks other than {task}, got "
                    f"{row.tolist()}"
                )
    return orders
