"""The exact optimum of one shared ReLU unit on tasks with two inputs."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy.typing import ArrayLike, NDArray

from theory.arguments import check_weights, is_traced, require_64_bit
from theory.relu.plane_search import Candidates, local_maxima
from theory.relu.plane_sectors import Rows, Sectors, gather, sectors_of
from theory.task_checks import check_tasks
from theory.tasks import Tasks

# How far inside its sector an optimum that is not attained is tried, in radians: closer
# is better up to where rounding in small hidden values shows. The best of them is kept.
INSIDE = 10.0 ** -np.arange(4, 14)
# Entries of the largest array when losses are evaluated on rows.
CHUNK = 2**21


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
    """Least loss, where it is, and every local minimum.

    `shared` is the unit vector at `angle`. Where the least loss is not `attained`,
    `loss` is its limit and `shared` lies just inside the sector from which it is
    approached; the heads, finite there, grow without bound on the way.
    """

    angle: Float[Array, ""]
    shared: Float[Array, "2 1"]
    heads: Float[Array, "k 1"]
    loss: Float[Array, ""]
    attained: Bool[Array, ""]
    minima: PlaneMinima


def plane_optimum(tasks: Tasks, weights: ArrayLike | None = None) -> PlaneOptimum:
    """Least `Σ_i α_i ‖ReLU(X_iB)A_i − y_i‖²` over `B` in the plane and heads `A_i`.

    With the heads that are best for a direction `b(t) = (cos t, sin t)`,

        f(t) = Σ_i α_i (e_i − ⟨ReLU(X_ib), y_i⟩²/‖ReLU(X_ib)‖²),

    the second term zero for a task without active rows. Active sets change at no more
    than `2Σm_i` angles. Between two of them `f` is a sum of ratios of quadratic forms,
    and arcs are split until each is proved to be monotone, concave or convex; zeros of
    `f'` in the convex ones, breakpoints and constant sectors are all the local minima.
    None is missed whose basin is deeper than rounding, `64 ε Σ α_i e_i`. The bounds
    include an estimate of rounding, `64 ε` times the terms of each sum, not a proof.

    The least value need not exist: where all active rows of a task are parallel its
    term is constant, and it jumps where they become inactive together. A minimum at
    such a jump is approached only.

    A search in NumPy, not differentiable; time and memory grow as `k Σm_i`. The loss
    at fixed direction is differentiable: `theory.relu.single_neuron_loss`.

    Args:
        tasks: Rows with `d = 2`. Rows of zeros are never active.
        weights: `α_i ≥ 0`, ones if not given.

    Raises:
        ValueError: `d` is not 2, traced or 32-bit values, values that are not finite,
            or weights that are negative or do not fit.

    Source: docs/mathematics.md, "Exact optimum in the plane"; derived here.
    """
    if is_traced(tasks, weights):
        raise ValueError("plane_optimum is a search: call it outside of jit and grad")
    check_tasks(tasks, dimension=2)
    require_64_bit("covariates", tasks.covariates)
    alpha = np.asarray(check_weights(weights, tasks.labels.shape[0]))
    rows, angles = gather(tasks)
    if not len(angles):
        return _all_dead(tasks, alpha)
    sectors = sectors_of(rows, angles)
    energy = np.sum(np.asarray(tasks.labels) ** 2, axis=1)
    found = local_maxima(rows, sectors, alpha, float(alpha @ energy))
    losses = _losses(rows, sectors, found, alpha)
    order = np.argsort(losses, kind="stable")
    found = found.take(order)
    return _result(tasks, rows, found, losses[order], alpha)


def _losses(
    rows: Rows, sectors: Sectors, found: Candidates, weights: NDArray
) -> Float[np.ndarray, " n"]:
    """Losses from the rows: no digits are lost to `e_i` where they are small."""
    losses = np.zeros(len(found.angle))
    step = max(1, CHUNK // len(rows.y))
    for first in range(0, len(losses), step):
        some = slice(first, first + step)
        sector, angle = found.sector[some], found.angle[some]
        active = rows.active(sector, sectors.lines)
        along = rows.z[:, :1] * np.cos(angle) + rows.z[:, 1:] * np.sin(angle)
        hidden = np.where(active, np.maximum(along, 0), 0)
        for task in range(rows.tasks):
            own = slice(rows.start[task], rows.start[task + 1])
            # On one half-line the hidden values are those of the lengths, in the limit
            # at its breakpoint too.
            single = sectors.groups[task, sector] == 1
            length = np.where(active[own], np.hypot(*rows.z[own].T)[:, None], 0)
            h = np.where(single, length, hidden[own])
            y = rows.y[own, None]
            residual = y - h * _heads(h, y)
            loss = np.sum(residual**2, axis=0) + rows.unseen[task]
            losses[some] += weights[task] * loss
    return losses


def _heads(hidden: NDArray, labels: NDArray) -> NDArray:
    """`⟨h, y⟩/‖h‖²`, zero where the unit is dead."""
    size = np.max(np.abs(hidden), axis=0, initial=0)
    size = np.where(size > 0, size, 1)
    scaled = hidden / size
    square = np.sum(scaled**2, axis=0)
    return np.sum(scaled * labels, axis=0) / np.where(square > 0, square, 1) / size


def _directions(rows: Rows, angle: NDArray) -> tuple[NDArray, NDArray]:
    """Angles and unit vectors of the inputs' own plane."""
    b = rows.to_direction @ np.stack([np.cos(angle), np.sin(angle)])
    b = b / np.max(np.abs(b), axis=0)
    return np.arctan2(b[1], b[0]) % (2 * np.pi), b / np.hypot(*b)


def _result(
    tasks: Tasks, rows: Rows, found: Candidates, losses: NDArray, weights: NDArray
) -> PlaneOptimum:
    ends = [_directions(rows, end)[0] for end in (found.low, found.high)]
    constant = found.high > found.low
    # One line alone has an arc of π, never one of 2π.
    width = np.where(constant, (ends[1] - ends[0]) % (2 * np.pi), 0)
    angle = _directions(rows, found.angle)[0]
    aside = found.angle[0] + found.side[0] * INSIDE
    tried = _directions(rows, aside if found.side[0] else found.angle[:1])[1]
    heads, value = _evaluated(tasks, tried, weights)
    best = np.argmin(np.abs(value - losses[0]))
    minima = PlaneMinima(
        angle=jnp.asarray(angle),
        loss=jnp.asarray(losses),
        attained=jnp.asarray(found.side == 0),
        side=jnp.asarray(found.side.astype(float)),
        width=jnp.asarray(width),
    )
    return PlaneOptimum(
        angle=minima.angle[0],
        shared=jnp.asarray(tried[:, best, None]),
        heads=jnp.asarray(heads[:, best, None]),
        loss=minima.loss[0],
        attained=minima.attained[0],
        minima=minima,
    )


def _evaluated(
    tasks: Tasks, directions: Float[np.ndarray, "2 n"], weights: NDArray
) -> tuple[Float[np.ndarray, "k n"], Float[np.ndarray, " n"]]:
    """Best heads, and the loss with them, of directions as floats have them."""
    hidden = np.maximum(np.asarray(tasks.covariates) @ directions, 0)
    labels = np.asarray(tasks.labels)[:, :, None]
    pairs = list(zip(hidden, labels, strict=True))
    heads = np.stack([_heads(h, y) for h, y in pairs])
    fitted = zip(pairs, heads, strict=True)
    losses = np.stack([np.sum((y - h * a) ** 2, axis=0) for (h, y), a in fitted])
    return heads, weights @ losses


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
    )
