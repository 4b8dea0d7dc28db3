"""Many problems trained at once, by one program for all claims of one shape."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from simulations.training import LinearModel, Trained, train
from theory.tasks import TaskStatistics


@partial(jax.jit, static_argnames=("starts", "columns"))
def _train_each(
    problems: TaskStatistics,
    width: Int[Array, ""],
    weights: Float[Array, "n k"],
    keys: Key[Array, " n"],
    *,
    starts: int,
    columns: int,
) -> Trained:
    def one(s: TaskStatistics, w: Array, k: Array) -> Trained:
        return train(LinearModel(s), width, w, k, starts=starts, columns=columns)

    return jax.vmap(one)(problems, weights, keys)


def train_each(
    problems: TaskStatistics,
    width: int,
    weights: Float[Array, "n k"],
    keys: Key[Array, " n"],
    *,
    starts: int = 4,
    columns: int | None = None,
) -> Trained:
    """`train` the linear model of each of `n` stacked problems.

    Compilation is most of its cost, so claims use few shapes `(n, k, d, columns)`.

    Args:
        problems: `n` stacked problems.
        width: `r`.
        weights: `α` of each problem.
        keys: One a problem.
        starts: Random starts of each.
        columns: Of the result, zero from `r` on; widths up to it share a program.
    """
    return _train_each(
        problems,
        jnp.asarray(width),
        weights,
        keys,
        starts=starts,
        columns=width if columns is None else columns,
    )
