"""The exact optimum of one shared ReLU unit on tasks with two inputs."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike, NDArray

from theory.arguments import check_weights, is_traced, require_64_bit
from theory.relu.plane_arcs import Problem, problem_of
from theory.relu.plane_module import losses_of, module_of, spans_of
from theory.relu.plane_rows import gather
from theory.relu.plane_search import local_maxima
from theory.relu.plane_sectors import sectors_of
from theory.task_checks import check_tasks
from theory.tasks import Tasks


class PlaneMinima(eqx.Module):
    """Local minima over the direction of the unit, least loss first.

    `angle` of `B` in `[0, 2π)`. Where `attained` is false the loss is approached as the
    direction tends to `angle`, from the side `side` (+1: from larger angles), and jumps
    up there. Where `width > 0` the loss is constant on an arc of that many radians with
    `angle` in it: every direction of the arc is a minimum, though often a poor one.
    """

    angle: Float[Array, " n"]
    loss: Float[Array, " n"]
    attained: Bool[Array, " n"]
    side: Float[Array, " n"]
    width: Float[Array, " n"]


class PlaneOptimum(eqx.Module):
    """Least loss, where it is, a proved lower bound, and every local minimum.

    Where `attained`, the module of `shared` and `heads`, taken as the floats that they
    are, has the loss `loss` on the rows, within rounding. Else `loss` is a limit that
    it only comes close to, for one of two reasons: at `minima.side[0] != 0` all hidden
    values of a task vanish and its head grows without bound on the way; at
    `minima.side[0] == 0` no pair of floats lies close enough to the best direction.

    `shared` has length 1 within rounding, or, where directions must be told apart more
    finely than that, a length between 1/2 and 2. Then hidden values cancel, and the
    loss in floats, `theory.relu.loss`, may differ from that of the module.

    No module has a loss below `lower_bound`, in exact arithmetic. `unresolved` counts
    arcs without a proved shape; what they may contain is in the bound.
    """

    angle: Float[Array, ""]
    shared: Float[Array, "2 1"]
    heads: Float[Array, "k 1"]
    loss: Float[Array, ""]
    attained: Bool[Array, ""]
    minima: PlaneMinima
    lower_bound: Float[Array, ""]
    unresolved: Int[Array, ""]


def plane_optimum(tasks: Tasks, weights: ArrayLike | None = None) -> PlaneOptimum:
    r"""Least `Σ_i α_i ‖ReLU(X_iB)A_i − y_i‖²` over `B` in the plane and heads `A_i`.

    With the heads that are best for a direction `b(t) = (cos t, sin t)`,

        f(t) = Σ_i α_i (e_i − ⟨ReLU(X_ib), y_i⟩²/‖ReLU(X_ib)‖²),

    the second term zero for a task without active rows. Active sets change at no more
    than `2Σm_i` angles, whose order is found exactly. Between two of them `f` is a sum
    of ratios of quadratic forms, and arcs are split until each is proved to be
    monotone, concave or convex, or to vary by less than rounding.

    **What holds.** Let `ρ = Σ_i α_i η_i e_i`, `η_i = (16 + m_i) ε`, and 32 times that
    for tasks of more than 64 rows. `lower_bound` is at most the infimum of `f`, by
    enclosures that include every rounding to first order in `η`; `loss` is at least
    that infimum but for rounding, at most `16ρ`; and `loss − lower_bound ≤ 256ρ` where
    `unresolved` is 0. Then every local minimum from which `f` rises by more than `256ρ`
    on both sides before it falls below it is in `minima`; of minima between which `f`
    rises by less than that only the lowest may be listed. Units of columns, lengths of
    rows and the distance of breakpoints play no part in this.

    The least value need not exist. For bounded heads `f` is continuous in `B`, so an
    infimum is not attained only where a head grows without bound: where all active
    rows of a task are parallel its term is constant, and it jumps up where they become
    inactive together. A minimum at such a jump is approached only.

    A search in NumPy, not differentiable; time and memory grow as `k Σm_i`, and as
    `(Σm_i)²` for tasks whose rows lie in a narrow cone. The loss at fixed direction is
    differentiable: `theory.relu.single_neuron_loss`.

    Args:
        tasks: Rows with `d = 2`. Rows of zeros are never active.
        weights: `α_i ≥ 0`, ones if not given.

    Raises:
        ValueError: `d` is not 2, traced or 32-bit values, values that are not finite,
            entries of less than 1e-60 of their column's largest, or weights that are
            negative or do not fit.

    Source: docs/mathematics.md, "Exact optimum in the plane"; derived here.
    """
    if is_traced(tasks, weights):
        raise ValueError("plane_optimum is a search: call it outside of jit and grad")
    check_tasks(tasks, dimension=2)
    require_64_bit("covariates", tasks.covariates)
    alpha = np.asarray(check_weights(weights, tasks.labels.shape[0]))
    rows = gather(tasks)
    if not len(rows.lines):
        return _all_dead(tasks, alpha)
    labels = np.asarray(tasks.labels, np.float64)
    energy = np.array([math.fsum(y**2) for y in labels])
    return _solved(problem_of(rows, sectors_of(rows), alpha, energy))


def _solved(problem: Problem) -> PlaneOptimum:
    found = local_maxima(problem)
    losses = losses_of(problem, found.candidates)
    order = np.argsort(losses, kind="stable")
    losses, candidates = losses[order], found.candidates.take(order)
    angle, width = spans_of(problem, candidates)
    module = module_of(problem, candidates.take(np.arange(1)), losses[0])
    minima = PlaneMinima(
        angle=jnp.asarray(angle),
        loss=jnp.asarray(losses),
        attained=jnp.asarray(candidates.side == 0),
        side=jnp.asarray(candidates.side.astype(float)),
        width=jnp.asarray(width),
    )
    bound = problem.weights @ problem.energy - found.highest
    return PlaneOptimum(
        angle=minima.angle[0],
        shared=jnp.asarray(module.shared[:, None]),
        heads=jnp.asarray(module.heads[:, None]),
        loss=minima.loss[0],
        attained=minima.attained[0] & module.attained,
        minima=minima,
        lower_bound=jnp.asarray(max(float(bound), 0.0)),
        unresolved=jnp.asarray(found.unresolved),
    )


def _all_dead(tasks: Tasks, weights: NDArray) -> PlaneOptimum:
    """Every row is zero: no unit does anything, whatever its direction."""
    loss = jnp.asarray(weights @ np.sum(np.asarray(tasks.labels) ** 2, axis=1))
    one = jnp.ones(1)
    minima = PlaneMinima(
        angle=0 * one,
        loss=loss * one,
        attained=one > 0,
        side=0 * one,
        width=2 * jnp.pi * one,
    )
    return PlaneOptimum(
        angle=minima.angle[0],
        shared=jnp.asarray([[1.0], [0.0]]),
        heads=jnp.zeros((len(tasks.labels), 1)),
        loss=loss,
        attained=minima.attained[0],
        minima=minima,
        lower_bound=loss * (1 - tasks.labels.size * jnp.finfo(loss.dtype).eps),
        unresolved=jnp.asarray(0),
    )
