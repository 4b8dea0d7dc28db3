"""What one direction explains of tasks' labels, and what certified optima explain."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import NOTHING, solved
from paper_checks.judge.proofs import Optima
from simulations.sampling import sample_tasks
from theory.linear import two_task_optimum, wide_optimum
from theory.tasks import Tasks

DIMENSION, ROWS, OTHERS = 6, (20, 12), 64
Problem = tuple[Tasks, Float[Array, "*n 2"], Float[Array, "*n o d"]]


def explained(
    covariates: Float[Array, "k m d"],
    labels: Float[Array, "k m"],
    direction: Float[Array, " d"],
    weights: Float[Array, " k"],
) -> Float[Array, ""]:
    """Right side of eq 4, `Σ_i α_i ⟨X_iB/‖X_iB‖, y_i⟩²`; 0 where `X_iB = 0`."""
    seen = covariates @ direction
    inner = jnp.sum(seen * labels, axis=1)
    return jnp.sum(weights * inner**2 / (jnp.sum(seen**2, axis=1) + NOTHING))


class AtModule(NamedTuple):
    """Rows of tasks, and a module that uses the first `width` of its two columns.

    Units are `g(u) = max(u, slope · u)`: linear for a slope of 1, ReLU for 0.
    """

    covariates: Float[Array, "k m d"]
    labels: Float[Array, "k m"]
    module: Float[Array, "d 2"]
    weights: Float[Array, " k"]
    width: Float[Array, ""] | float = 1.0
    slope: Float[Array, ""] | float = 1.0

    def loss(self) -> Float[Array, ""]:
        """`min_A Σ_i α_i ‖g(X_iB)A_i − y_i‖²`, residuals of least squares on rows."""
        used = jnp.arange(2) < self.width

        def one(x: Array, y: Array) -> Array:
            pre = x @ self.module
            seen = jnp.where(used, jnp.maximum(pre, self.slope * pre), 0)
            small = seen.T @ seen
            # A column that is not used has no part in the others' equations.
            small += jnp.diag(jnp.where(used, 0, jnp.trace(small)))
            return jnp.sum((seen @ solved(small, seen.T @ y) - y) ** 2)

        return self.weights @ jax.vmap(one)(self.covariates, self.labels)


def drawn(keys: Key[Array, " n"]) -> Problem:
    """Pairs of tasks, their weights, and directions to be tried."""
    return jax.vmap(_drawn)(keys)


def at_optimum(
    tasks: Tasks,
    weights: Float[Array, "2"],
    others: Float[Array, "o d"],
    *,
    width: int = 1,
) -> Check:
    """Compare the most that a direction explains with the certified `Σ α_i e_i − f*`.

    Directions are the columns of the optimal module and the given ones. From width 2
    on two tasks do not share, and `f*` is less than one direction reaches.
    """
    statistics = tasks.statistics()
    optimum = (
        two_task_optimum(statistics, weights)
        if width == 1
        else wide_optimum(statistics, width, weights)
    )
    energy = jnp.sum(weights * jnp.sum(tasks.labels**2, axis=1))
    tried = jnp.concatenate([optimum.shared.T, others])
    values = jax.vmap(lambda b: explained(tasks.covariates, tasks.labels, b, weights))
    # The certificate's own bracket is 1e-9 of the explained energy.
    return Check(jnp.max(values(tried)), energy - optimum.loss, 1e-9 * energy, "==")


def at_optima(problems: Problem, keys: Key[Array, " n"], width: int = 1) -> Check:
    """`at_optimum` of each problem."""
    del keys
    return jax.vmap(partial(at_optimum, width=width))(*problems)


def optima(problems: Problem) -> Optima:
    """The certified optima at width 1."""
    tasks, weights, _ = problems
    statistics = jax.vmap(Tasks.statistics)(tasks)
    found = jax.vmap(two_task_optimum)(statistics, weights)
    return Optima(found, statistics, weights)


def _drawn(key: PRNGKeyArray) -> Problem:
    draw, root, theta, weight = jax.random.split(key, 4)
    roots = jax.random.normal(root, (2, DIMENSION, DIMENSION))
    parameters = jax.random.normal(theta, (2, DIMENSION))
    others = jax.random.normal(jax.random.fold_in(key, OTHERS), (OTHERS, DIMENSION))
    weights = jax.random.uniform(weight, (2,), minval=0.1, maxval=3.0)
    return sample_tasks(draw, roots, parameters, 1.0, ROWS), weights, others
