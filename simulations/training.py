"""Gradient-trained optima of the shared-module model, on statistics."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float, Key

from simulations.unit_columns import unit_columns
from theory.linear.loss import loss
from theory.tasks import TaskStatistics

# BFGS stops when neither the loss nor the parameters change by more than this share.
# The loss is then settled to its square, near rounding.
TOLERANCE = 1e-10
STEPS = 2000


class Trained(NamedTuple):
    """The best of several starts, and what the others reached.

    `gradient` is the norm of the gradient at the best, as a share of the label
    energy; `steps` is how many steps each start took.
    """

    shared: Float[Array, "d r"]
    heads: Float[Array, "k r"]
    loss: Float[Array, ""]
    losses: Float[Array, " n"]
    gradient: Float[Array, ""]
    steps: Float[Array, " n"]


@partial(jax.jit, static_argnames=("width", "starts"))
def train_linear(
    statistics: TaskStatistics,
    width: int,
    weights: Float[Array, " k"],
    key: Key[Array, ""],
    *,
    starts: int = 8,
) -> Trained:
    """Minimise `f(A_1..A_k; B)` in `A` and `B` together, by BFGS from random starts.

    It sees the loss of W eq 2 and its gradient, and nothing of the theory. The
    columns of `X` are scaled to unit norm over all tasks, as a practitioner would.

    Args:
        statistics: The tasks.
        width: `r`.
        weights: `α_i`.
        key: Of the starts.
        starts: Number of them.
    """
    scaled, column = unit_columns(statistics)
    energy = jnp.sum(weights * statistics.energy)

    def objective(point: tuple[Array, Array], tasks: TaskStatistics) -> Array:
        return loss(tasks, *point, weights) / energy

    def descend(key: Array) -> tuple[tuple[Array, Array], Array, Array]:
        first, second = jax.random.split(key)
        start = (
            jax.random.normal(first, (statistics.dimension, width)),
            jax.random.normal(second, (statistics.count, width)),
        )
        found = optx.minimise(
            objective,
            optx.BFGS(rtol=TOLERANCE, atol=TOLERANCE),
            start,
            args=scaled,
            max_steps=STEPS,
            throw=False,
        )
        steps = jnp.asarray(found.stats["num_steps"], energy.dtype)
        return found.value, objective(found.value, scaled), steps

    points, values, steps = jax.vmap(descend)(jax.random.split(key, starts))
    best = jnp.argmin(jnp.where(jnp.isfinite(values), values, jnp.inf))
    shared, heads = jax.tree.map(lambda leaf: leaf[best], points)
    slope = jax.grad(objective)((shared, heads), scaled)
    norm = jnp.sqrt(sum(jnp.sum(part**2) for part in slope))
    return Trained(
        shared=column[:, None] * shared,
        heads=heads,
        loss=values[best] * energy,
        losses=values * energy,
        gradient=norm,
        steps=steps,
    )
