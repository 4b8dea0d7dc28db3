"""Alternating least squares: the linear model trained without any theory."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from simulations.training.linear import unit_columns
from theory.tasks import TaskStatistics

# Keeps a block's equations solvable when heads or columns vanish on the way.
RIDGE = 1e-13


class Alternated(NamedTuple):
    """Modules, heads and losses, one for each start."""

    shared: Float[Array, "n d r"]
    heads: Float[Array, "n k r"]
    loss: Float[Array, " n"]


@partial(jax.jit, static_argnames=("width", "starts", "steps"))
def alternate(
    statistics: TaskStatistics,
    width: int,
    weights: Float[Array, " k"],
    key: Key[Array, ""],
    *,
    starts: int = 200,
    steps: int = 300,
) -> Alternated:
    """Minimise `Σ α_i ‖X_iBA_i − y_i‖²` in `A` and `B` by turns, from random modules.

    Each half is a least-squares problem: `A_i = (BᵀG_iB)⁻¹Bᵀg_i`, and

        Σ_i α_i (A_iA_iᵀ ⊗ G_i) vec(B) = vec(Σ_i α_i g_iA_iᵀ).

    The loss never rises; where it stops may be a local minimum. Columns of the start
    are standard normal after scaling the columns of `X` to unit norm.

    Args:
        statistics: The tasks.
        width: `r`.
        weights: `α_i`.
        key: Of the starts.
        starts: Number of them.
        steps: Rounds of both halves.
    """
    scaled, column = unit_columns(statistics)
    draws = jax.random.normal(key, (starts, statistics.dimension, width))

    def train(shared: Array) -> tuple[Array, Array, Array]:
        def step(_: object, shared: Array) -> Array:
            return _module(scaled, weights, _heads(scaled, shared))

        shared = lax.fori_loop(0, steps, step, shared)
        heads = _heads(scaled, shared)
        theta = heads @ shared.T
        curved = jnp.einsum("kde,ke->kd", scaled.gram, theta)
        terms = scaled.energy + jnp.sum(theta * (curved - 2 * scaled.moment), axis=1)
        return column[:, None] * shared, heads, jnp.sum(weights * terms)

    return Alternated(*jax.vmap(train)(draws))


def _heads(statistics: TaskStatistics, shared: Array) -> Float[Array, "k r"]:
    small = jnp.einsum("dr,kde,es->krs", shared, statistics.gram, shared)
    return _solve(small, statistics.moment @ shared)


def _module(
    statistics: TaskStatistics, weights: Array, heads: Array
) -> Float[Array, "d r"]:
    """The best module for these heads, with orthonormal columns."""
    d, r = statistics.dimension, heads.shape[1]
    outer = weights[:, None, None] * heads[:, :, None] * heads[:, None, :]
    system = jnp.einsum("kde,krs->dres", statistics.gram, outer)
    right = jnp.einsum("k,kd,kr->dr", weights, statistics.moment, heads)
    shared = _solve(system.reshape(1, d * r, d * r), right.reshape(1, d * r))
    return jnp.linalg.qr(shared.reshape(d, r))[0]


def _solve(system: Array, right: Array) -> Array:
    n = system.shape[-1]
    size = jnp.trace(system, axis1=1, axis2=2)[:, None, None]
    ridge = RIDGE * jnp.where(size > 0, size, 1) * jnp.eye(n)
    return jnp.linalg.solve(system + ridge, right[..., None])[..., 0]
