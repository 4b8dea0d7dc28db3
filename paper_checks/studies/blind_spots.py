"""Pairs of tasks of which transference is the same, and the gain of sharing is not."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simulations.sampling import sample_statistics
from theory.linear import single_task_optimum
from theory.tasks import TaskStatistics
from theory.transference import batch_decrease

D, SOURCE = 10, 200
# Rows of the target: few, where a source pays for its difference, and many.
FEW, MANY = 14, 2000
RATE, BATCH = 0.05, 32


class Gains(NamedTuple):
    """Of each pair: expected `D_{i→j}` per unit of loss, and gains of pooling.

    Gains are `(alone − pooled)/alone` of squared errors, by draw, with few and many
    rows of the target.
    """

    transference: Float[np.ndarray, " pairs"]
    few: Float[np.ndarray, "pairs draws"]
    many: Float[np.ndarray, "pairs draws"]


def gains(seed: int, pairs: int, draws: int) -> Gains:
    """Measure pairs with isotropic rows, noise 1 and parameters 1 apart.

    Gains are of errors of estimates; `Z` is that at `θ = 0`, the start of training, of
    fresh batches, and is a function of covariances, parameters and noise alone.
    """
    keys = jax.random.split(jax.random.key(seed), pairs)
    return Gains(*(np.asarray(part) for part in _gains(keys, draws)))


def _gains(keys: Array, draws: int) -> tuple[Array, Array, Array]:
    def one(key: PRNGKeyArray) -> tuple[Array, Array, Array]:
        common, apart, noise = jax.random.split(key, 3)
        first = jax.random.normal(common, (D,)) / jnp.sqrt(D)
        away = jax.random.normal(apart, (D,))
        second = first + away / jnp.linalg.norm(away)
        theta = jnp.stack([first, second])
        few, many = (
            jax.vmap(lambda k, m=m: _gain(k, theta, m))(jax.random.split(noise, draws))
            for m in (FEW, MANY)
        )
        return _transference(theta), few, many

    return jax.lax.map(one, keys)


def _transference(theta: Float[Array, "2 d"]) -> Float[Array, ""]:
    """Of the source for the target: the expected decrease over the target's loss."""
    point, noise = jnp.zeros(D), jnp.ones(2)
    eye = jnp.broadcast_to(jnp.eye(D), (2, D, D))
    fall = batch_decrease(eye, theta, noise, point, rate=RATE, batch=BATCH)
    return fall[0, 1] / (theta[1] @ theta[1] + 1)


def _gain(key: PRNGKeyArray, theta: Float[Array, "2 d"], rows: int) -> Float[Array, ""]:
    sizes = jnp.array([float(SOURCE), float(rows)])
    tasks = sample_statistics(key, jnp.eye(D), theta, 1.0, sizes)
    total = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0, keepdims=True), tasks)
    alone, pooled = _error(tasks, theta)[1], _error(total, theta)[0]
    return (alone - pooled) / (alone + pooled)


def _error(tasks: TaskStatistics, theta: Float[Array, "2 d"]) -> Float[Array, " k"]:
    return jnp.sum((single_task_optimum(tasks) - theta[1]) ** 2, axis=1)
