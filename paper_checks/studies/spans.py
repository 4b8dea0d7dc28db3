"""Spans of trained and closed-form modules beside that of Proposition 3."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.proofs import Optima
from paper_checks.settings import Settings
from paper_checks.studies.linear_benchmarks import studies
from paper_checks.studies.problems import random_problem
from paper_checks.studies.trained import train_each
from theory.linear import SharedOptimum, common_covariance_optimum
from theory.tasks import TaskStatistics
from theory.weighting import principal_angles, proposition_3_span

TASKS, DIMENSION, SAMPLES, WIDTH = 3, 6, 30, 2
# BFGS settles the loss to 1e-10 of the label energy or better, and an angle φ costs
# gap · φ² of it, so φ ≤ √(1e-10/gap): measured angles are far below.
TRAINED_LOSS = 1e-10
# Of drawn X; measured ones are below 1e3.
CONDITION = 1e3
EPS = float(np.finfo(np.float64).eps)


class Problems(NamedTuple):
    """Stacked problems with random weights."""

    statistics: TaskStatistics
    weights: Float[Array, "n k"]


def on_one_x(keys: Key[Array, " n"]) -> Problems:
    """Tasks that share one X."""
    return jax.vmap(_problem)(keys)


def trained(problems: Problems, keys: Key[Array, " n"]) -> Check:
    """Compare trained spans with Proposition 3's; the left side is an angle in rad."""
    found = train_each(problems.statistics, WIDTH, problems.weights, keys)
    angle, gap = jax.vmap(_angle)(*problems, found.shared)
    return Check(angle, jnp.zeros(len(angle)), jnp.sqrt(TRAINED_LOSS / gap), "==")


def closed_form(problems: Problems, keys: Key[Array, " n"]) -> Check:
    """Compare the span of the closed-form optimum with Proposition 3's."""
    del keys
    angle, gap = jax.vmap(_angle)(*problems, optima(problems).found.shared)
    # Davis-Kahan: ε/gap, times the condition number of X, and d.
    tolerance = CONDITION * DIMENSION * EPS / gap
    return Check(angle, jnp.zeros(len(angle)), tolerance, "==")


def optima(problems: Problems) -> Optima:
    """The closed form's optima."""

    def found(statistics: TaskStatistics, weights: Array) -> SharedOptimum:
        return common_covariance_optimum(statistics, WIDTH, weights)

    return Optima(jax.vmap(found)(*problems), *problems)


def on_own_x(keys: Key[Array, " n"]) -> Check:
    """Trained spans of tasks that have an X each, beside that of the first X."""
    own = jax.vmap(lambda key: random_problem(key, TASKS, DIMENSION, SAMPLES))(keys)
    return trained(Problems(own, on_one_x(keys).weights), keys)


def on_ties(keys: Key[Array, " n"]) -> Check:
    """Trained spans where eigenvalues `r` and `r + 1` are equal: an angle of 0.01 rad.

    A tie leaves the span undetermined, and the tolerance with it; the angle is judged.
    """
    tied = Problems(jax.vmap(tied_problem)(keys), jnp.ones((len(keys), TASKS)))
    found = trained(tied, keys)
    return Check(found.lhs, found.rhs, jnp.full(len(keys), 1e-2), "==")


def tied_problem(key: PRNGKeyArray) -> TaskStatistics:
    """Tasks whose eigenvalues `r` and `r + 1` are equal: orthogonal, of one size."""
    rows = jnp.linalg.qr(jax.random.normal(key, (SAMPLES, DIMENSION)))[0]
    labels = rows[:, :TASKS].T
    gram = jnp.broadcast_to(rows.T @ rows, (TASKS, DIMENSION, DIMENSION))
    return TaskStatistics(
        gram=gram,
        moment=labels @ rows,
        energy=jnp.sum(labels**2, axis=1),
        samples=jnp.full(TASKS, float(SAMPLES)),
    )


def real(settings: Settings) -> dict[str, Check]:
    """The closed form's angle on real sets, at each width below min(k, d)."""
    found = {}
    for name, study in studies(settings, lambda _: None).items():
        if "span" in study:
            data = study["span"]
            gap = jnp.asarray(data.gap.values)
            # Davis-Kahan: ε/gap, times d and the condition number of XᵀX.
            scale = data.attrs["dimension"] * float(data["condition"]) * EPS
            angle = jnp.asarray(data.angle.values)
            found[name] = Check(angle, jnp.zeros(len(gap)), scale / gap, "==")
    return found


def _problem(key: PRNGKeyArray) -> Problems:
    draw, weight = jax.random.split(key)
    problem = random_problem(draw, TASKS, DIMENSION, SAMPLES, common=True)
    return Problems(problem, jax.random.uniform(weight, (TASKS,), minval=0.2, maxval=3))


def _angle(
    statistics: TaskStatistics, weights: Array, shared: Array
) -> tuple[Array, Array]:
    """Largest angle to the predicted span, and the gap on which it depends."""
    gram, moment = statistics.gram[0], statistics.moment
    predicted = proposition_3_span(gram, moment, WIDTH, weights)
    return principal_angles(predicted.basis, shared)[-1], predicted.gap
