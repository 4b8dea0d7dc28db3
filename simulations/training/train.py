"""One problem, trained from many starts."""

import operator
from functools import partial
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Key

from simulations.training.descent import Solver
from simulations.training.linear import LinearModel
from simulations.training.model import Model
from simulations.training.objective import Objective
from simulations.training.result import Parameters, Status, Trained
from simulations.training.second_order import LevenbergMarquardt
from theory.linear.arguments import is_traced
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
        ValueError: A width, weight, number of starts or start that cannot be used.
            The message names the field, and the task if it is one task's.
    """
    if columns is None:
        columns = _whole("width", width)
    else:
        columns = _whole("columns", columns)
        if not isinstance(width, jax.Array):
            width = _whole("width", width)
            if width > columns:
                raise ValueError(f"width must be at most columns = {columns}: {width}")
    starts = _whole("starts", starts)
    alpha = check_weights(weights, model)
    if initial is not None:
        _check_initial(initial, model, columns)
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
    values = jnp.where(jnp.isfinite(values), values, jnp.inf)
    lost = runs.status == int(Status.DIVERGED)
    # Masked columns are zero, and so count as dead.
    silent = jax.vmap(scaled.dead)(runs.point).all(axis=1) & (values > 0) & ~lost
    best = jnp.argmin(jnp.where(lost, jnp.inf, values))
    point = units.restore(jax.tree.map(lambda leaf: leaf[best], runs.point))
    # The scaled labels' loss is in units of label².
    losses = values * scale * units.label**2
    return Trained(
        shared=point.shared,
        heads=point.heads,
        loss=losses[best],
        losses=losses,
        gradient=runs.gradient[best],
        steps=runs.steps,
        status=jnp.where(silent, int(Status.DEAD), runs.status),
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


def check_weights(weights: ArrayLike | None, model: Model) -> Float[Array, "*a k"]:
    """Weights `α_i` as an array, ones where none are given.

    Raises:
        ValueError: The last axis is not the tasks', or a value that is known is
            negative or not finite, or all are zero. The message names the task.
    """
    if weights is None:
        return jnp.ones(model.count, model.dtype)
    alpha = jnp.asarray(weights, model.dtype)
    if alpha.ndim < 1 or alpha.shape[-1] != model.count:
        raise ValueError(
            f"weights must have one entry a task: {model.count} tasks, shape "
            f"{alpha.shape}"
        )
    if is_traced(alpha):
        return alpha
    known = np.asarray(alpha)
    bad = np.argwhere(~(np.isfinite(known) & (known >= 0)))
    if len(bad):
        raise ValueError(
            f"task {bad[0][-1]}: weights must be finite and >= 0, got "
            f"{known[tuple(bad[0])]:g}"
        )
    if not known.any(axis=-1).all():
        raise ValueError("weights are all zero: at least one task must count")
    return alpha


def _whole(field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise ValueError(f"{field} must be an integer, got {value!r}")
    try:
        whole = operator.index(value)
    except TypeError as error:
        raise ValueError(
            f"{field} must be an integer, got {value!r}; give columns if it is traced"
        ) from error
    if whole < 1:
        raise ValueError(f"{field} must be >= 1, got {whole}")
    return whole


def _check_initial(initial: Parameters, model: Model, columns: int) -> None:
    n = initial.shared.shape[0]
    wanted = {
        "shared": (n, model.dimension, columns),
        "heads": (n, model.count, columns),
        "bias": (n, model.count) if model.has_bias else None,
    }
    for field, shape in wanted.items():
        value = getattr(initial, field)
        found = None if value is None else value.shape
        if found != shape:
            raise ValueError(f"initial.{field} has shape {found}, wanted {shape}")
