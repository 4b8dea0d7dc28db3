"""What aligning linear tasks can reach: by whitening, and without any limit."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.alignment import AlignmentPoint, aligned_statistics
from theory.linear.common_covariance import common_covariance_optimum
from theory.linear.single_task import single_task_optimum
from theory.task_checks import (
    check_statistics,
    check_weights,
    check_width,
    is_traced,
)
from theory.tasks import TaskStatistics


class WhitenedOptimum(NamedTuple):
    """The optimum of tasks whose covariances were made equal, and the maps."""

    point: AlignmentPoint
    loss: Float[Array, ""]


def whitening_maps(
    covariances: Float[Array, "k d d"], reference: int = 0
) -> Float[Array, "k d d"]:
    """Maps that give every task the covariance of task `reference`.

        R_i = Σ_i^(-½) Σ_1^(½),   so that   R_iᵀ Σ_i R_i = Σ_1.

    The roots are the symmetric ones, so `R_i = I` where `Σ_i = Σ_1`. All such maps are
    `Σ_i^(-½) Q_i Σ_1^(½)` with `Q_i` orthogonal, and the covariances alone do not say
    which `Q_i` is right: if the inputs of a task are those of the reference turned by
    `U`, so that `Σ_i = UΣ_1Uᵀ` and `R_i = U` aligns the tasks themselves, then
    `Q_i = U`, and `Q_i = I` makes the covariances equal and not the tasks.

    jit- and vmap-compatible. Traced matrices are not checked: directions that one of
    them lacks (eigenvalues below `4dε` of the largest) are mapped to zero.

    Args:
        covariances: `Σ_i`, or `G_i` (a factor on one of them goes into `R_i`).
        reference: Number of the task whose covariance all get.

    Raises:
        ValueError: Not k x d x d, no such task, or a matrix that is known and not
            positive definite. The message names the task.

    Source: W-A1; derived here.
    """
    shape = covariances.shape
    if covariances.ndim != 3 or shape[1] != shape[2] or not covariances.size:
        raise ValueError(f"covariances must be k x d x d, got shape {shape}")
    if not 0 <= reference < len(covariances):
        raise ValueError(f"there is no task {reference} among {len(covariances)}")
    value, vector = jnp.linalg.eigh(covariances)
    least = 4 * shape[1] * jnp.finfo(value.dtype).eps * value[:, -1:]
    seen = value > least
    _check_definite(seen)
    inverse = jnp.where(seen, 1 / jnp.sqrt(jnp.where(seen, value, 1)), 0)
    root = jnp.sqrt(jnp.where(seen[reference], value[reference], 0))
    target = (vector[reference] * root) @ vector[reference].T
    return jnp.einsum("kde,ke,kfe,fg->kdg", vector, inverse, vector, target)


def whitened_optimum(
    statistics: TaskStatistics,
    width: int,
    weights: ArrayLike | None = None,
    *,
    reference: int = 0,
) -> WhitenedOptimum:
    """Optimum over `A_i` and `B` with `R_i = G_i^(-½) G_1^(½)`, in closed form.

    All aligned tasks have the Gram matrix `G_1`, so Eckart-Young applies:

        f* = Σ_i α_i residual_i + Σ_{j>r} σ_j(√α_i G_i^½ θ̂_i)².

    It is the optimum for these maps, not over maps: that one is `separate_point`. It
    may also exceed the optimum without maps, when `θ̂_i` are alike and `G_i^½θ̂_i`
    are not.

    Args:
        statistics: The tasks, with `G_i` positive definite.
        width: `r`.
        weights: `α_i ≥ 0`; ones if not given.
        reference: As `whitening_maps`.

    Raises:
        ValueError: As `whitening_maps`, or an argument that does not fit.

    Source: W-A1 with W-P3's common covariance; derived here.
    """
    check_statistics(statistics, certificate=False)
    alpha = check_weights(weights, statistics)
    maps = whitening_maps(statistics.gram, reference)
    equal = aligned_statistics(statistics, maps)
    best = common_covariance_optimum(equal, check_width(width), alpha)
    return WhitenedOptimum(AlignmentPoint(best.shared, best.heads, maps), best.loss)


def separate_point(
    statistics: TaskStatistics, shared: Float[Array, "d r"]
) -> AlignmentPoint:
    """Matrices and heads with which every task is trained alone, whatever `B` is.

        R_i BA_i = θ̂_i  for all i,   f = Σ_i α_i residual_i,   at any r ≥ 1.

    `b` is the first column of `B`. `R_i` turns it onto the line of `θ̂_i`, by at most
    90° in their plane, and `A_i` sets the length: `R_i = I + 2vuᵀ −
    (u+v)(u+v)ᵀ/(1 + uᵀv)` for unit `u ∥ b`, `v ∥ ±θ̂_i` with `uᵀv ≥ 0`. So free
    matrices, and orthogonal ones just as well, take all limits off the capacity:
    Algorithm 1 run to its optimum is training apart (as Prop 1 at `r ≥ k`), in both
    readings. What it shares is owed to where it stops or to a penalty.

    Args:
        statistics: The tasks.
        shared: `B`, whose first column is not zero.

    Raises:
        ValueError: Shapes do not fit, or, unless traced, the first column is zero.

    Source: W-A1; derived here.
    """
    check_statistics(statistics, certificate=False)
    if shared.ndim != 2 or shared.shape[0] != statistics.dimension:
        raise ValueError(
            f"shared must be {statistics.dimension} x r, got shape {shared.shape}"
        )
    size = jnp.linalg.norm(shared[:, 0])
    if not is_traced(size) and not float(size) > 0:
        raise ValueError("the first column of shared is zero: no map can turn it")
    alone = single_task_optimum(statistics)
    start = shared[:, 0] / size
    maps, lengths = jax.vmap(_turn, (None, 0))(start, alone)
    heads = jnp.zeros((len(alone), shared.shape[1]), alone.dtype)
    return AlignmentPoint(shared, heads.at[:, 0].set(lengths / size), maps)


def _turn(
    start: Float[Array, " d"], theta: Float[Array, " d"]
) -> tuple[Float[Array, "d d"], Float[Array, ""]]:
    """The rotation of `u` onto `±θ/‖θ‖`, and `±‖θ‖`."""
    length = jnp.linalg.norm(theta)
    end = jnp.where(length > 0, theta / jnp.where(length > 0, length, 1), start)
    sign = jnp.where(end @ start >= 0, 1, -1)
    end = sign * end
    both = start + end
    eye = jnp.eye(len(start), dtype=start.dtype)
    turn = 2 * jnp.outer(end, start) - jnp.outer(both, both) / (1 + start @ end)
    return eye + turn, sign * length


def _check_definite(seen: Array) -> None:
    if is_traced(seen):
        return
    definite = np.asarray(seen).all(axis=1)
    if not definite.all():
        task = int(np.argmin(definite))
        raise ValueError(
            f"task {task}: the covariance is not positive definite, so it cannot be "
            "whitened; give more rows than inputs, or add a ridge to it"
        )
