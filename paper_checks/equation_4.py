"""W-E4: at width 1 the loss is what the best direction does not explain."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from paper_checks.check import Check
from paper_checks.settings import Settings
from paper_checks.verdict import Control, Finding, extreme, failure_rate, judge
from simulations.sampling import sample_tasks
from theory.linear import two_task_optimum, wide_optimum
from theory.tasks import Tasks

SOURCE = "W-E4 (eq 4)"
# Sums of m d products of size e; 64 leaves room for the solver behind each side.
ROUNDING = 64


def explained(
    tasks: Tasks, direction: Float[Array, " d"], weights: Float[Array, " k"]
) -> Float[Array, ""]:
    """Right side of eq 4, `Σ_i α_i ⟨X_iB/‖X_iB‖, y_i⟩²`, from rows."""
    seen = tasks.covariates @ direction
    return jnp.sum(
        weights * jnp.sum(seen * tasks.labels, axis=1) ** 2 / jnp.sum(seen**2, axis=1)
    )


def fitted(
    tasks: Tasks, module: Float[Array, "d r"], weights: Float[Array, " k"]
) -> Float[Array, ""]:
    """`min_A Σ_i α_i ‖X_iBA_i − y_i‖²` for a given module, by least squares on rows."""

    def one(x: Array, y: Array) -> Array:
        heads = jnp.linalg.lstsq(x @ module, y)[0]
        return jnp.sum((x @ module @ heads - y) ** 2)

    return jnp.sum(weights * jax.vmap(one)(tasks.covariates, tasks.labels))


def check(
    tasks: Tasks, module: Float[Array, "d r"], weights: Float[Array, " k"]
) -> Check:
    """Compare both sides of eq 4 at a module; eq 4 is about `r = 1`.

    For a wider module the right side uses its first column, which eq 4 does not
    promise to be enough.
    """
    energy = jnp.sum(weights * jnp.sum(tasks.labels**2, axis=1))
    eps = jnp.finfo(energy.dtype).eps
    return Check(
        lhs=fitted(tasks, module, weights),
        rhs=energy - explained(tasks, module[:, 0], weights),
        tolerance=ROUNDING * module.shape[0] * eps * energy,
        relation="==",
        source=SOURCE,
    )


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
    values = jax.vmap(lambda b: explained(tasks, b, weights))(tried)
    return Check(
        lhs=jnp.max(values),
        rhs=energy - optimum.loss,
        # The certificate's own bracket is 1e-9 of the explained energy.
        tolerance=1e-9 * energy,
        relation="==",
        source=SOURCE,
    )


def _problem(key: PRNGKeyArray) -> tuple[Tasks, Array, Array]:
    draw, root, theta, direction, weight = jax.random.split(key, 5)
    roots = jax.random.normal(root, (2, DIMENSION, DIMENSION))
    parameters = jax.random.normal(theta, (2, DIMENSION))
    tasks = sample_tasks(draw, roots, parameters, 1.0, (20, 12))
    modules = jax.random.normal(direction, (DIMENSION, 2))
    return tasks, modules, jax.random.uniform(weight, (2,), minval=0.1, maxval=3.0)


DIMENSION = 6


def find(settings: Settings) -> Finding:
    """Measure eq 4 at random directions and at the certified optimum."""
    count = settings.scaled(400, 10_000)
    keys = jax.random.split(jax.random.key(settings.seed), count)
    tasks, modules, weights = jax.vmap(_problem)(keys)
    at_random = jax.vmap(check)(tasks, modules[:, :, :1], weights)
    others = jax.random.normal(jax.random.key(settings.seed + 1), (64, DIMENSION))
    at_best = jax.vmap(lambda t, w: check_optimum(t, w, others))(tasks, weights)
    wide = jax.vmap(check)(tasks, modules, weights)
    best_wide = jax.vmap(lambda t, w: check_optimum(t, w, others, width=2))(
        tasks, weights
    )
    broken = Check.broken_in_any(at_random, at_best)
    controls = (
        Control(
            dropped="r = 1 at random modules (r = 2)",
            noticed=wide.broken,
            instances=wide.count,
        ),
        Control(
            dropped="r = 1 at the optimum (r = 2)",
            noticed=best_wide.broken,
            instances=best_wide.count,
        ),
    )
    return Finding(
        claim="W-E4",
        statement="For r = 1 the problem is max_B sum_i <X_iB/||X_iB||, y_i>^2.",
        source=SOURCE,
        verdict=judge(broken == 0, controls),
        reason=(
            "both sides agree to rounding at random directions; the certified optimum "
            f"is the right side at its module, and none of {len(others)} random "
            "directions exceeds it, for random weights"
        ),
        measurements=(
            failure_rate("instances that break it", broken, count),
            extreme(
                "largest |lhs - rhs| in tolerances, random B",
                jnp.abs(at_random.slack) / at_random.tolerance,
            ),
            extreme(
                "largest |lhs - rhs| in tolerances, best B",
                jnp.abs(at_best.slack) / at_best.tolerance,
            ),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )
