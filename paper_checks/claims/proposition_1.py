"""W-P1: with a module as wide as the tasks, no task learns from another."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from paper_checks.claims.proposition_1_statement import SOURCE, proposition_1
from paper_checks.judge.check import Check
from paper_checks.judge.claim import attack, dropped, measured
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from paper_checks.studies.problems import random_problem
from paper_checks.studies.trained import train_each
from theory.linear import (
    SharedOptimum,
    one_less_optimum,
    shared_optimum,
    single_task_optimum,
    task_losses,
)
from theory.tasks import TaskStatistics

# BFGS stops when the loss changes by less than 1e-10 of the label energy; two orders
# above that is room for its last steps, three below the excess at r = k − 1.
TRAINING = 1e-8
# An eigenvalue below this share of the largest is rounding: of drawn tasks others are
# above 1e-6.
ABSENT = 1e-10
# Eigenvectors and solutions on either side are those of matrices that differ from G_i
# by a few d ε of its size.
ROUNDING = 4


class Comparison(NamedTuple):
    """Proposition 1 on `n` problems: its check, and how far the parameters are."""

    check: Check
    distance: Float[Array, " n"]


def compare(
    problems: TaskStatistics, keys: Key[Array, " n"], *, width: int
) -> Comparison:
    """Compare trained losses at `width` with the tasks trained apart.

    Proposition 1: for `r ≥ k` some optimum has `BA_i = θ̂_i` for every task, so that
    `min f = Σ_i α_i ‖X_iθ̂_i − y_i‖²`. The left side is trained from random starts.
    `distance` is `max_i ‖BA_i − θ̂_i‖/‖θ̂_i‖`, of meaning where `θ̂_i` is unique.

    Args:
        problems: `n` stacked problems.
        keys: One a problem.
        width: `r`.
    """
    trained = train_each(
        problems,
        width,
        jnp.ones(problems.energy.shape),
        keys,
        columns=max(width, problems.moment.shape[-2] + 1),
    )
    alone = jax.vmap(single_task_optimum)(problems)
    theta = jnp.einsum("nkr,ndr->nkd", trained.heads, trained.shared)
    distance = jnp.linalg.norm(theta - alone, axis=2) / jnp.linalg.norm(alone, axis=2)
    check = Check(
        lhs=trained.loss,
        rhs=jnp.sum(jax.vmap(task_losses)(problems, alone), axis=1),
        tolerance=TRAINING * jnp.sum(problems.energy, axis=1),
        relation="==",
        source=SOURCE,
    )
    return Comparison(check, jnp.max(distance, axis=1))


class Apart(NamedTuple):
    """Every task of `n` problems trained alone, by NumPy."""

    parameters: Float[np.ndarray, "n k d"]
    losses: Float[np.ndarray, "n k"]
    condition: Float[np.ndarray, "n k"]


def trained_apart(problems: TaskStatistics) -> Apart:
    """`θ̂_i = G_i⁺g_i` and `e_i − g_iᵀG_i⁺g_i` from eigenvectors of `G_i`.

    `condition` is that of `G_i`, infinite where `θ̂_i` is not unique.
    """
    value, vector = np.linalg.eigh(np.asarray(problems.gram))
    seen = value > ABSENT * value[..., -1:]
    inverse = np.where(seen, 1 / np.where(seen, value, 1), 0)
    moment = np.einsum("nkde,nkd->nke", vector, np.asarray(problems.moment))
    return Apart(
        parameters=np.einsum("nkde,nke->nkd", vector, inverse * moment),
        losses=np.asarray(problems.energy) - np.sum(inverse * moment**2, axis=2),
        condition=np.where(seen.all(axis=2), value[..., -1] * inverse[..., 0], np.inf),
    )


class ClosedForm(NamedTuple):
    """Proposition 1 for `n` optima in closed form.

    `parameters` compares `max_i ‖BA_i − θ̂_i‖/‖θ̂_i‖` with zero; it cannot fail where a
    `θ̂_i` is not unique.
    """

    loss: Check
    parameters: Check


def compare_closed_form(problems: TaskStatistics, optima: SharedOptimum) -> ClosedForm:
    """Compare optima of `n` stacked problems with the tasks trained apart by NumPy."""
    apart = trained_apart(problems)
    eps, d = np.finfo(np.float64).eps, problems.dimension
    size = np.linalg.norm(apart.parameters, axis=2)
    scale = np.asarray(problems.energy) + size**2 * np.linalg.norm(
        np.asarray(problems.gram), ord=2, axis=(2, 3)
    )
    loss = Check(
        lhs=optima.loss,
        rhs=jnp.asarray(np.sum(apart.losses, axis=1)),
        tolerance=jnp.asarray(ROUNDING * d * eps * np.sum(scale, axis=1)),
        relation="==",
        source=SOURCE,
    )
    away = np.linalg.norm(np.asarray(optima.parameters) - apart.parameters, axis=2)
    parameters = Check(
        lhs=jnp.asarray(np.max(away / size, axis=1)),
        rhs=jnp.zeros(len(size)),
        tolerance=jnp.asarray(ROUNDING * d * eps * np.max(apart.condition, axis=1)),
        relation="==",
        source=SOURCE,
    )
    return ClosedForm(loss, parameters)


TASKS, DIMENSION = 3, 6
WIDTHS = (TASKS, TASKS + 1)
# Rows per task; with fewer than inputs the single-task optimum is not unique.
ENOUGH, FEW = 20, 4


class _Part(NamedTuple):
    """All comparisons of the problems with one number of rows, one a width."""

    trained: list[Comparison]
    closed: list[ClosedForm]

    def broken(self, *, unique: bool) -> int:
        """Instances that break the statement at any width: they are the same draws."""
        checks = [found.check for found in self.trained]
        checks += [found.loss for found in self.closed]
        checks += [found.parameters for found in self.closed] if unique else []
        return Check.broken_in_any(*checks)


def find(settings: Settings) -> Finding:
    """Measure Proposition 1 at r = k and k + 1, and that r = k − 1 breaks it."""
    attacked = attack(settings, proposition_1())
    count = settings.scaled(40, 1000)
    (problems, keys), few = (_drawn(settings, i, count) for i in range(2))
    enough_rows, few_rows = _measure(problems, keys), _measure(*few)
    broken = enough_rows.broken(unique=True) + few_rows.broken(unique=False)
    instances = 2 * count
    # Only with m ≥ d: fewer rows than inputs can be fitted at r = k − 1 as well.
    controls = (*_controls(problems, keys), *dropped(attacked))
    closed = [*enough_rows.closed, *few_rows.closed]
    return Finding(
        claim="W-P1",
        statement="For r >= k an optimum has B A_i = theta_i: no transfer.",
        source=SOURCE,
        verdict=judge(broken == 0 and not attacked.refuted, controls),
        reason=(
            f"losses of tasks trained apart are those of training together, to "
            f"{TRAINING:g} of the label energy, and of the closed form, to rounding, "
            f"on {instances - broken} of {instances} instances at both r = k, k + 1, "
            f"m in {(ENOUGH, FEW)}, d = {DIMENSION}; with m > d the closed form's "
            "B A_i is theta_i to rounding; with m < d theta_i is not unique and only "
            "the loss can be compared; under attack any heads of rank k reach it"
        ),
        measurements=(
            failure_rate("drawn problems that break it", broken, instances),
            extreme(
                "trained: largest ||B A_i - theta_i||/||theta_i||, m > d",
                np.concatenate([found.distance for found in enough_rows.trained]),
            ),
            extreme(
                "closed form: largest ||B A_i - theta_i||/||theta_i||, m > d",
                np.concatenate([found.parameters.lhs for found in enough_rows.closed]),
            ),
            extreme(
                "closed form: largest difference of losses, in tolerances",
                np.concatenate(
                    [
                        np.abs(c.loss.slack) / np.asarray(c.loss.tolerance)
                        for c in closed
                    ]
                ),
            ),
            *measured(attacked),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=attacked.attack,
    )


def _drawn(
    settings: Settings, part: int, count: int
) -> tuple[TaskStatistics, Key[Array, " n"]]:
    key = jax.random.fold_in(jax.random.key(settings.seed), part)
    keys = jax.random.split(key, count)
    return _problems(keys, jnp.asarray(float((ENOUGH, FEW)[part]))), keys


def _measure(problems: TaskStatistics, keys: Key[Array, " n"]) -> _Part:
    closed = [jax.vmap(partial(shared_optimum, width=r))(problems) for r in WIDTHS]
    return _Part(
        trained=[compare(problems, keys, width=r) for r in WIDTHS],
        closed=[compare_closed_form(problems, optima) for optima in closed],
    )


def _controls(problems: TaskStatistics, keys: Key[Array, " n"]) -> tuple[Control, ...]:
    trained = compare(problems, keys, width=TASKS - 1).check
    narrow = jax.vmap(partial(one_less_optimum, bounded=False))(
        problems, jnp.ones(problems.energy.shape)
    )
    closed = compare_closed_form(problems, narrow)
    checks = {
        "trained losses": trained,
        "losses in closed form": closed.loss,
        "parameters in closed form": closed.parameters,
    }
    return tuple(
        Control(
            dropped=f"r >= k (r = k - 1; {name})",
            noticed=check.broken,
            instances=check.count,
        )
        for name, check in checks.items()
    )


@jax.jit
def _problems(keys: Key[Array, " n"], samples: Float[Array, ""]) -> TaskStatistics:
    """Problems with so many rows a task; one program for every number of rows."""
    return jax.vmap(lambda key: random_problem(key, TASKS, DIMENSION, samples))(keys)
