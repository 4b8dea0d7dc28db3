"""W-E4: at width 1 the loss is what the best direction does not explain."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from paper_checks.claims.equation_4_statement import SOURCE, equation_4, explained
from paper_checks.judge.check import Check
from paper_checks.judge.claim import attack, dropped, measured
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from simulations.sampling import sample_tasks
from theory.linear import two_task_optimum, wide_optimum
from theory.tasks import Tasks


def check_optimum(
    tasks: Tasks,
    weights: Float[Array, "2"],
    directions: Float[Array, "n d"],
    *,
    width: int = 1,
) -> Check:
    """Compare `max_B` of eq 4 with the certified optimum found on statistics.

    The left side is the largest right side of eq 4 met: at the columns of the optimal
    module and at any other direction. Eq 4 says that it is `Σ α_i e_i − f*`, of the
    optimum of width 1; from width 2 on two tasks do not share, and `f*` is less.
    """
    statistics = tasks.statistics()
    optimum = (
        two_task_optimum(statistics, weights)
        if width == 1
        else wide_optimum(statistics, width, weights)
    )
    energy = jnp.sum(weights * jnp.sum(tasks.labels**2, axis=1))
    tried = jnp.concatenate([optimum.shared.T, directions])
    values = jax.vmap(lambda b: explained(tasks.covariates, tasks.labels, b, weights))(
        tried
    )
    return Check(
        lhs=jnp.max(values),
        rhs=energy - optimum.loss,
        # The certificate's own bracket is 1e-9 of the explained energy.
        tolerance=1e-9 * energy,
        relation="==",
        source=SOURCE,
    )


def _problem(key: PRNGKeyArray) -> tuple[Tasks, Array]:
    draw, root, theta, weight = jax.random.split(key, 4)
    roots = jax.random.normal(root, (2, DIMENSION, DIMENSION))
    parameters = jax.random.normal(theta, (2, DIMENSION))
    tasks = sample_tasks(draw, roots, parameters, 1.0, (20, 12))
    return tasks, jax.random.uniform(weight, (2,), minval=0.1, maxval=3.0)


DIMENSION = 6


def find(settings: Settings) -> Finding:
    """Attack eq 4 at any module, and measure it at the certified optimum."""
    found = attack(settings, equation_4())
    count = settings.scaled(400, 10_000)
    keys = jax.random.split(jax.random.key(settings.seed), count)
    tasks, weights = jax.vmap(_problem)(keys)
    others = jax.random.normal(jax.random.key(settings.seed + 1), (64, DIMENSION))
    at_best = jax.vmap(lambda t, w: check_optimum(t, w, others))(tasks, weights)
    best_wide = jax.vmap(lambda t, w: check_optimum(t, w, others, width=2))(
        tasks, weights
    )
    broken = at_best.broken
    controls = (
        Control(
            dropped="r = 1 at the optimum (r = 2)",
            noticed=best_wide.broken,
            instances=best_wide.count,
        ),
        *dropped(found),
    )
    return Finding(
        claim="W-E4",
        statement="For r = 1 the problem is max_B sum_i <X_iB/||X_iB||, y_i>^2.",
        source=SOURCE,
        verdict=judge(broken == 0 and not found.refuted, controls),
        reason=(
            "no rows, labels, weights and direction were found on which both sides "
            "differ by more than rounding; the certified optimum is the right side at "
            f"its module, and none of {len(others)} random directions exceeds it, for "
            "random weights"
        ),
        measurements=(
            failure_rate("optima that break it", broken, count),
            extreme(
                "largest |lhs - rhs| in tolerances, best B",
                jnp.abs(at_best.slack) / at_best.tolerance,
            ),
            *measured(found),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=found.attack,
    )
