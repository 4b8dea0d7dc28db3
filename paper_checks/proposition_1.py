"""W-P1: with a module as wide as the tasks, no task learns from another."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.check import Check
from paper_checks.instances import random_problem
from paper_checks.settings import Settings
from paper_checks.trained import train_each
from paper_checks.verdict import Control, Finding, extreme, failure_rate, judge
from theory.linear import single_task_optimum, task_losses
from theory.tasks import TaskStatistics

SOURCE = "W-P1 (Proposition 1)"
# BFGS stops when the loss changes by less than 1e-10 of the label energy; two orders
# above that is room for its last steps, three below the excess at r = k − 1.
TRAINING = 1e-8


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
    trained = train_each(problems, width, jnp.ones(problems.energy.shape), keys)
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


TASKS, DIMENSION = 3, 6
# Rows per task; with the last, m < d and the single-task optimum is not unique.
SAMPLES = (20, 4)


def find(settings: Settings) -> Finding:
    """Measure Proposition 1 at r = k and k + 1, and that r = k − 1 breaks it."""
    count = settings.scaled(40, 1000)
    wide: list[Comparison] = []
    narrow: list[Comparison] = []
    for part, m in enumerate(SAMPLES):
        key = jax.random.fold_in(jax.random.key(settings.seed), part)
        keys = jax.random.split(key, count)
        problems = jax.vmap(partial(_problem, samples=m))(keys)
        wide += [compare(problems, keys, width=r) for r in (TASKS, TASKS + 1)]
        narrow.append(compare(problems, keys, width=TASKS - 1))
    # r = k and k + 1 are tried on the same problems: two checks of one instance.
    pairs = [[found.check for found in wide[i : i + 2]] for i in (0, 2)]
    broken = sum(Check.broken_in_any(*pair) for pair in pairs)
    instances = len(pairs) * count
    # Only with m ≥ d: fewer rows than inputs can be fitted at r = k − 1 as well.
    control = (
        Control(
            dropped="r >= k (r = k - 1)",
            noticed=narrow[0].check.broken,
            instances=narrow[0].check.count,
        ),
    )
    unique = np.concatenate([found.distance for found in wide[:2]])
    return Finding(
        claim="W-P1",
        statement="For r >= k an optimum has B A_i = theta_i: no transfer.",
        source=SOURCE,
        verdict=judge(broken == 0, control),
        reason=(
            f"trained and single-task losses agree to {TRAINING:g} of the label energy "
            f"on {instances - broken} of {instances} instances at both r = k, k + 1, "
            f"m in {SAMPLES}, d = {DIMENSION}; with m < d theta_i is not unique and "
            "only the loss can be compared"
        ),
        measurements=(
            failure_rate("instances that break it", broken, instances),
            extreme("largest ||B A_i - theta_i||/||theta_i||, m > d", unique),
        ),
        controls=control,
        data="simulated",
        seed=settings.seed,
    )


def _problem(key: PRNGKeyArray, samples: int) -> TaskStatistics:
    return random_problem(key, TASKS, DIMENSION, samples)
