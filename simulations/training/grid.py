"""Draws of tasks, widths, weights and seeds, trained by one program."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Key

from simulations.training.arguments import check_key, check_weights, whole
from simulations.training.descent import Solver
from simulations.training.model import Model
from simulations.training.result import Trained
from simulations.training.train import DEFAULT, _train


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
