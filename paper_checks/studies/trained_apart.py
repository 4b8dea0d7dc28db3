"""Losses and parameters of tasks that share a module, beside those of single tasks."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Key

from paper_checks.judge.check import Check
from paper_checks.judge.proofs import Optima
from paper_checks.judge.routes import Route
from paper_checks.studies.problems import random_problem
from paper_checks.studies.trained import train_each
from simulations.training import Trained
from theory.linear import (
    SharedOptimum,
    one_less_optimum,
    shared_optimum,
    single_task_optimum,
    task_losses,
)
from theory.tasks import TaskStatistics

TASKS, DIMENSION = 3, 6
# BFGS stops when the loss changes by less than 1e-10 of the label energy; two orders
# above that is room for its last steps, three below the excess at r = k − 1.
TRAINING = 1e-8
# An eigenvalue below this share of the largest is rounding: of drawn tasks others are
# above 1e-6.
ABSENT = 1e-10
# Eigenvectors and solutions on either side are those of matrices that differ from G_i
# by a few d ε of its size.
ROUNDING = 4
EPS = float(np.finfo(np.float64).eps)
Keys = Key[jax.Array, " n"]


class Drawn:
    """Problems of so many rows per task; what is computed of them is kept."""

    def __init__(self, samples: int, keys: Keys) -> None:
        self.statistics = _problems(keys, jnp.asarray(float(samples)))
        self.keys = keys
        self._kept: dict[tuple[str, int], Any] = {}

    @property
    def single(self) -> "SingleTasks":
        """Every task alone, by NumPy."""
        return self._keep("single", 0, lambda _: single_tasks(self.statistics))

    def trained(self, width: int) -> Trained:
        """The module of this width, trained; all widths share one program."""
        return self._keep("trained", width, self._train)

    def closed(self, width: int) -> SharedOptimum:
        """The optimum in closed form."""
        return self._keep("closed", width, self._optima)

    def _train(self, width: int) -> Trained:
        weights = jnp.ones(self.statistics.energy.shape)
        columns = max(width, TASKS + 1)
        return train_each(self.statistics, width, weights, self.keys, columns=columns)

    def _optima(self, width: int) -> SharedOptimum:
        if width == TASKS - 1:
            weights = jnp.ones(self.statistics.energy.shape)
            found = partial(one_less_optimum, bounded=False)
            return jax.vmap(found)(self.statistics, weights)
        return jax.vmap(partial(shared_optimum, width=width))(self.statistics)

    def _keep(self, name: str, width: int, compute: Callable[[int], Any]) -> Any:
        if (name, width) not in self._kept:
            self._kept[name, width] = compute(width)
        return self._kept[name, width]


def trained_losses(drawn: Drawn, width: int) -> Check:
    """Compare trained losses at `width` with the sum of single-task losses."""
    statistics = drawn.statistics
    alone = jax.vmap(single_task_optimum)(statistics)
    apart = jnp.sum(jax.vmap(task_losses)(statistics, alone), axis=1)
    room = TRAINING * jnp.sum(statistics.energy, axis=1)
    return Check(drawn.trained(width).loss, apart, room, "==")


def trained_parameters(drawn: Drawn, width: int) -> Check:
    """`max_i ‖BA_i − θ̂_i‖/‖θ̂_i‖` of training, to be reported where `θ̂_i` is unique."""
    found = drawn.trained(width)
    theta = jnp.einsum("nkr,ndr->nkd", found.heads, found.shared)
    alone = jax.vmap(single_task_optimum)(drawn.statistics)
    away = jnp.linalg.norm(theta - alone, axis=2) / jnp.linalg.norm(alone, axis=2)
    return _zero(jnp.max(away, axis=1), jnp.inf)


def closed_losses(drawn: Drawn, width: int) -> Check:
    """Compare the closed form's losses at `width` with those of single tasks."""
    statistics, single = drawn.statistics, drawn.single
    norm = np.linalg.norm(np.asarray(statistics.gram), ord=2, axis=(2, 3))
    size = np.sum(single.parameters**2, axis=2) * norm
    scale = np.sum(np.asarray(statistics.energy) + size, axis=1)
    room = jnp.asarray(ROUNDING * DIMENSION * EPS * scale)
    losses = jnp.asarray(np.sum(single.losses, axis=1))
    return Check(drawn.closed(width).loss, losses, room, "==")


def closed_parameters(drawn: Drawn, width: int) -> Check:
    """Compare the closed form's `BA_i` with `θ̂_i`, relative to `‖θ̂_i‖`."""
    single = drawn.single
    found = np.asarray(drawn.closed(width).parameters)
    away = np.linalg.norm(found - single.parameters, axis=2)
    away = away / np.linalg.norm(single.parameters, axis=2)
    worst = np.max(single.condition, axis=1)
    return _zero(np.max(away, axis=1), ROUNDING * DIMENSION * EPS * worst)


def routes(*, unique: bool) -> tuple[Route, ...]:
    """All of these at `r = k` and `k + 1`; parameters only where they are unique."""
    theta = "largest ||B A_i - theta_i||/||theta_i||, m > d"
    said = "closed form: largest difference of losses, in tolerances"
    found: list[Route] = []
    for width in (TASKS, TASKS + 1):
        found += [
            _at(trained_losses, width, "trained: largest difference of losses"),
            _at(closed_losses, width, said, in_tolerances=True),
        ]
        if unique:
            found += [
                _at(trained_parameters, width, f"trained: {theta}", reported=True),
                _at(closed_parameters, width, f"closed form: {theta}"),
            ]
    return tuple(found)


def at_width_below_k(samples: int) -> dict[str, Callable[[Keys], Check]]:
    """The checks at `r = k − 1`, each of which must notice."""
    checks = {
        "trained losses": trained_losses,
        "losses in closed form": closed_losses,
        "parameters in closed form": closed_parameters,
    }
    return {
        f"r >= k (r = k - 1; {name})": lambda keys, check=check: check(
            Drawn(samples, keys), TASKS - 1
        )
        for name, check in checks.items()
    }


def _at(
    check: Callable[[Drawn, int], Check], width: int, quantity: str, **options: Any
) -> Route:
    return Route(lambda drawn, _: check(drawn, width), quantity, **options)


def optima(drawn: Drawn) -> Optima:
    """The closed form's optima at `r = k`."""
    weights = jnp.ones(drawn.statistics.energy.shape)
    return Optima(drawn.closed(TASKS), drawn.statistics, weights)


class SingleTasks(NamedTuple):
    """Every task of `n` problems trained alone, by NumPy."""

    parameters: Float[np.ndarray, "n k d"]
    losses: Float[np.ndarray, "n k"]
    condition: Float[np.ndarray, "n k"]


def single_tasks(problems: TaskStatistics) -> SingleTasks:
    """`θ̂_i = G_i⁺g_i` and `e_i − g_iᵀG_i⁺g_i` from eigenvectors of `G_i`.

    `condition` is that of `G_i`, infinite where `θ̂_i` is not unique.
    """
    value, vector = np.linalg.eigh(np.asarray(problems.gram))
    seen = value > ABSENT * value[..., -1:]
    inverse = np.where(seen, 1 / np.where(seen, value, 1), 0)
    moment = np.einsum("nkde,nkd->nke", vector, np.asarray(problems.moment))
    return SingleTasks(
        parameters=np.einsum("nkde,nke->nkd", vector, inverse * moment),
        losses=np.asarray(problems.energy) - np.sum(inverse * moment**2, axis=2),
        condition=np.where(seen.all(axis=2), value[..., -1] * inverse[..., 0], np.inf),
    )


def _zero(lhs: Float[np.ndarray, " n"] | jax.Array, tolerance: object) -> Check:
    """Compare distances with zero."""
    room = jnp.broadcast_to(jnp.asarray(tolerance), len(lhs))
    return Check(jnp.asarray(lhs), jnp.zeros(len(lhs)), room, "==")


@jax.jit
def _problems(keys: Keys, samples: Float[jax.Array, ""]) -> TaskStatistics:
    """Problems with so many rows a task; one program for every number of rows."""
    return jax.vmap(lambda key: random_problem(key, TASKS, DIMENSION, samples))(keys)
