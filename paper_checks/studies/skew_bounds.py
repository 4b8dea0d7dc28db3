"""Tasks with heads of one direction, skew multipliers, and the bounds they give."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import NOTHING
from paper_checks.judge.proofs import Optima
from paper_checks.studies.problems import random_problem
from theory.linear import (
    single_task_optimum,
    skew_dual,
    task_losses,
    two_task_optimum,
)
from theory.tasks import TaskStatistics

DIMENSION, SAMPLES = 6, 30
# The bracket of branch and bound, and steps of the ascent: 1e-9 of the label energy.
BRACKET = 1e-9


class Multiplied(NamedTuple):
    """Two tasks, weights absorbed, with multipliers `S` and parameters `w_1, w_2`."""

    gram: Float[Array, "2 d d"]
    moment: Float[Array, "2 d"]
    energy: Float[Array, ""]
    multiplier: Float[Array, "d d"]
    parameters: Float[Array, "2 d"]

    @property
    def matrix(self) -> Float[Array, "n n"]:
        """`N(S) = [[G_1, S], [Sᵀ, G_2]]`."""
        first, second = self.gram
        return jnp.block([[first, self.multiplier], [self.multiplier.T, second]])

    def loss(self) -> Float[Array, ""]:
        """`Σ_i w_iᵀG_iw_i − 2g_iᵀw_i + e` at the parameters."""
        bent = jnp.einsum("id,ide,ie->", self.parameters, self.gram, self.parameters)
        return bent - 2 * jnp.sum(self.moment * self.parameters) + self.energy

    def bound(self) -> Float[Array, ""]:
        """`e − hᵀN(S)⁻¹h`."""
        h = self.moment.ravel()
        return self.energy - h @ jnp.linalg.solve(self.matrix, h)


def energy(
    gram: Float[Array, "2 d d"], moment: Float[Array, "2 d"], noise: Float[Array, ""]
) -> Float[Array, ""]:
    """`Σ_i g_iᵀG_i⁻¹g_i + σ²`: energy of labels that the tasks fit but for noise."""
    seen = jnp.linalg.solve(gram, moment[:, :, None])[:, :, 0]
    return jnp.sum(moment * seen) + noise**2


def scaled(
    gram: Float[Array, "2 d d"], free: Float[Array, "d d"], share: Float[Array, ""]
) -> Float[Array, "d d"]:
    """A multiple of a matrix; at a share below 1 `N` is definite.

    Its norm is the share of `√(λ_min(G_1) λ_min(G_2))`.
    """
    least = jnp.sqrt(jnp.prod(jnp.linalg.eigvalsh(gram)[:, 0]))
    return share * least * free / (jnp.sqrt(jnp.sum(free**2)) + NOTHING)


def pairs(keys: Key[Array, " n"]) -> TaskStatistics:
    """Pairs of unrelated tasks with covariances of their own."""
    return jax.vmap(lambda key: random_problem(key, 2, DIMENSION, SAMPLES))(keys)


def tight(problems: TaskStatistics, keys: Key[Array, " n"]) -> Check:
    """Compare the best bound with the optimum by branch and bound over the circle."""
    del keys
    dual = jax.vmap(skew_dual)(problems)
    optimum = optima(problems).found
    room = BRACKET * jnp.sum(problems.energy, axis=1)
    return Check(dual.lower_bound, optimum.loss, room, "==")


def optima(problems: TaskStatistics) -> Optima:
    """The optima of pairs by branch and bound."""
    found = jax.vmap(two_task_optimum)(problems, jnp.ones(problems.energy.shape))
    return Optima(found, problems, jnp.ones(problems.energy.shape))


def without_multipliers(keys: Key[Array, " n"]) -> Check:
    """The bound at `S = 0`, the single-task losses, beside the optimum."""
    problems = pairs(keys)
    alone = jax.vmap(single_task_optimum)(problems)
    bound = jnp.sum(jax.vmap(task_losses)(problems, alone), axis=1)
    room = BRACKET * jnp.sum(problems.energy, axis=1)
    return Check(bound, optima(problems).found.loss, room, "==")
