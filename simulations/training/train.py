"""One problem, or a grid of them, trained from many starts."""

from collections.abc import Sequence
from functools import partial
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Key

from simulations.training.arguments import (
    check_initial,
    check_key,
    check_weights,
    whole,
)
from simulations.training.descent import Solver
from simulations.training.linear import LinearModel
from simulations.training.model import Model
from simulations.training.objective import Objective
from simulations.training.result import Parameters, Status, Trained
from simulations.training.second_order import LevenbergMarquardt
from theory.tasks import TaskStatistics

DEFAULT = LevenbergMarquardt()


def train(
    model: Model,
    width: SupportsIndex | Int[Array, ""],
    weights: ArrayLike | None,
    key: Key[Array, ""],
    *,
    starts: int = 8,
    solver: Solver = DEFAULT,
    columns: int | None = None,
    initial: Parameters | None = None,
) -> Trained:
    """Minimise `f(A_1..A_k; B) = Σ_i α_i L_i` in `A` and `B` together.

    It sees the loss and its derivatives, and nothing of the theory. Columns of `X`
    and labels are scaled to unit size over all tasks, as a practitioner would. A start
    is `B_js ~ N(0, 1/d)`, `A_is ~ N(0, 1/r)`, without bias; column `s` of it depends on
    the key and on `s` alone.

    Columns from `width` on start at zero with their heads, where the gradient in them
    vanishes exactly: they stay zero, and widths up to `columns` share a program.

    Args:
        model: The loss, with its data.
        width: `r`; it may be traced if `columns` is given.
        weights: `α_i ≥ 0`; ones if `None`.
        key: Of the starts.
        starts: Their number.
        solver: The method.
        columns: Columns of the result; `r` if `None`.
        initial: Starts of your own, in the units of the data and with an axis of
            starts before all others, instead of random ones.

    Raises:
        ValueError: A width, weight, key, number of starts or start that cannot be
            used, or data that the model refuses (`Model.check`). The message names the
            field, and the task if it is one task's.
    """
    if columns is None:
        columns = whole("width", width)
    else:
        columns = whole("columns", columns)
        if not isinstance(width, jax.Array):
            width = whole("width", width)
            if width > columns:
                raise ValueError(f"width must be at most columns = {columns}: {width}")
    starts = whole("starts", starts)
    check_key("key", key)
    model.check()
    alpha = check_weights(weights, model)
    if initial is not None:
        check_initial(initial, model, width, columns)
    size = jnp.asarray(width)
    return _train(model, size, alpha, key, initial, starts, columns, solver)


def train_linear(
    statistics: TaskStatistics,
    width: int,
    weights: ArrayLike | None,
    key: Key[Array, ""],
    *,
    starts: int = 8,
    solver: Solver = DEFAULT,
) -> Trained:
    """`train` on the linear model of these statistics."""
    return train(
        LinearModel(statistics), width, weights, key, starts=starts, solver=solver
    )


@partial(jax.jit, static_argnames=("starts", "columns", "solver"))
def _train(
    model: Model,
    width: Int[Array, ""],
    alpha: Float[Array, " k"],
    key: Key[Array, ""],
    initial: Parameters | None,
    starts: int,
    columns: int,
    solver: Solver,
) -> Trained:
    scaled, units = model.scaled()
    zero = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype),
        jax.eval_shape(lambda k: _start(scaled, width, columns, k), key),
    )
    total = jnp.sum(alpha * scaled.losses(scaled.outputs(zero)))
    scale = jnp.where(total > 0, total, 1)
    objective = Objective(scaled, alpha / scale)
    if initial is None:
        keys = jax.random.split(key, starts)
        points = jax.vmap(lambda k: _start(scaled, width, columns, k))(keys)
    else:
        points = jax.vmap(units.remove)(initial)
    if solver.apart and jax.default_backend() == "cpu":
        runs = lax.map(partial(solver.run, objective), points)
    else:
        runs = jax.vmap(partial(solver.run, objective))(points)
    values = jax.vmap(objective)(runs.point)
    # The scaled labels' loss is in units of label².
    losses = values * scale * units.label**2
    losses = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    lost = (runs.status == int(Status.DIVERGED)) | jnp.isinf(losses)
    status = jnp.where(lost, int(Status.DIVERGED), runs.status)
    # Columns from the width on are masked, and no units.
    dead = jax.vmap(scaled.dead)(runs.point) & (jnp.arange(columns) < width)
    dead = jnp.sum(dead, axis=1)
    # A unit that is not needed may be dead: where nothing is left of F but rounding.
    idle = (dead > 0) & (values > jnp.finfo(values.dtype).eps)
    silent = idle & ((dead == width) | (status == int(Status.CONVERGED))) & ~lost
    best = jnp.argmin(jnp.where(lost, jnp.inf, values))
    point = units.restore(jax.tree.map(lambda leaf: leaf[best], runs.point))
    return Trained(
        shared=point.shared,
        heads=point.heads,
        loss=losses[best],
        losses=losses,
        gradient=runs.gradient[best],
        steps=runs.steps,
        status=jnp.where(silent, int(Status.DEAD), status),
        dead=dead,
        bias=point.bias,
    )


def _start(
    model: Model, width: Int[Array, ""], columns: int, key: Key[Array, ""]
) -> Parameters:
    first, second = jax.random.split(key)
    d, k = model.dimension, model.count
    index = jnp.arange(columns)

    def normals(key: Key[Array, ""], length: int) -> Float[Array, "l r"]:
        keys = jax.vmap(partial(jax.random.fold_in, key))(index)
        drawn = jax.vmap(lambda k: jax.random.normal(k, (length,), model.dtype))(keys)
        return jnp.where(index < width, drawn.T, 0)

    heads = normals(second, k) / jnp.sqrt(width.astype(model.dtype))
    bias = jnp.zeros(k, model.dtype) if model.has_bias else None
    return Parameters(normals(first, d) / np.sqrt(d).astype(model.dtype), heads, bias)


def train_grid(
    models: Model,
    widths: Sequence[int],
    weights: ArrayLike | None,
    keys: Key[Array, " s"],
    *,
    starts: int = 1,
    solver: Solver = DEFAULT,
) -> Trained:
    """`train` on every draw, at every width, weight vector and seed.

    Runs on one draw share its data and go through it together. On a CPU draws follow
    one another, so that the data of one stay in its cache; elsewhere all go at once.
    Columns from a run's own width on are zero.

    Args:
        models: A model with an axis of draws before all others.
        widths: `r`, each at least 1.
        weights: `α`, one row a vector (a x k); one row of ones if `None`.
        keys: Seeds; a run's starts depend on its seed alone.
        starts: Of each run; the best is returned.
        solver: The method.

    Returns:
        Fields with the axes draw, width, weights, seed before their own.

    Raises:
        ValueError: As `train`; or an axis that is empty.
    """
    sizes = [whole("widths", width) for width in widths]
    whole("starts", starts)
    check_key("keys", keys, axes=1)
    models.check(draws=1)
    alpha = jnp.atleast_2d(check_weights(weights, models, several=True))
    if not sizes or not len(keys) or not len(alpha):
        raise ValueError("widths, weights and keys need at least one entry each")
    return _grid(models, jnp.asarray(sizes), alpha, keys, starts, max(sizes), solver)


@partial(jax.jit, static_argnames=("starts", "columns", "solver"))
def _grid(
    models: Model,
    widths: Int[Array, " w"],
    alpha: Float[Array, "a k"],
    keys: Key[Array, " s"],
    starts: int,
    columns: int,
    solver: Solver,
) -> Trained:
    def one(model: Model, width: Array, weights: Array, key: Array) -> Trained:
        return _train(model, width, weights, key, None, starts, columns, solver)

    each = one
    for axis in (3, 2, 1):
        axes = [0 if place == axis else None for place in range(4)]
        each = jax.vmap(each, axes)

    def draw(model: Model) -> Trained:
        return each(model, widths, alpha, keys)

    if jax.default_backend() == "cpu":
        return lax.map(draw, models)
    return jax.vmap(draw)(models)
