"""W-P3: what the best shared module spans when all tasks have one X."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.claims.proposition_3_statement import SOURCE, proposition_3
from paper_checks.judge.check import Check
from paper_checks.judge.claim import attack, dropped, measured
from paper_checks.judge.verdict import (
    CheckError,
    Control,
    Finding,
    extreme,
    failure_rate,
    judge,
)
from paper_checks.settings import Settings
from paper_checks.studies.linear_benchmarks import studies
from paper_checks.studies.problems import random_problem
from paper_checks.studies.trained import train_each
from theory.linear import common_covariance_optimum
from theory.tasks import TaskStatistics
from theory.weighting import principal_angles, proposition_3_span

TASKS, DIMENSION, SAMPLES, WIDTH = 3, 6, 30, 2
# BFGS settles the loss to 1e-10 of the label energy or better, and an angle φ costs
# gap · φ² of it, so φ ≤ √(1e-10/gap): measured angles are far below.
TRAINED_LOSS = 1e-10
# Tolerances grow as gaps close, and no angle exceeds π/2. Spans that have nothing to do
# with each other are about 1 rad apart; what cannot be told to a tenth of that is not
# judged. A trained span then needs a gap of 1e-8, one in closed form of 1.3e-11.
COARSE = 0.1


def check_trained(
    problems: TaskStatistics,
    weights: Float[Array, "n k"],
    width: int,
    keys: Key[Array, " n"],
) -> Check:
    """Compare trained spans with Proposition 3's on `n` stacked problems.

    The left side is the largest principal angle, in radians.
    """
    trained = train_each(problems, width, weights, keys)

    def angle(gram: Array, moment: Array, weight: Array, shared: Array) -> Array:
        predicted = proposition_3_span(gram, moment, width, weight)
        largest = principal_angles(predicted.basis, shared)[-1]
        return jnp.stack([largest, predicted.gap])

    found = jax.vmap(angle)(
        problems.gram[:, 0], problems.moment, weights, trained.shared
    )
    return Check(
        lhs=found[:, 0],
        rhs=jnp.zeros(len(found)),
        tolerance=jnp.sqrt(TRAINED_LOSS / found[:, 1]),
        relation="==",
        source=SOURCE,
    )


def check_closed_form(
    statistics: TaskStatistics, weights: Float[Array, " k"], width: int
) -> Check:
    """Compare the span of the closed-form optimum with Proposition 3's."""
    predicted = proposition_3_span(
        statistics.gram[0], statistics.moment, width, weights
    )
    optimum = common_covariance_optimum(statistics, width, weights)
    eps = jnp.finfo(statistics.gram.dtype).eps
    return Check(
        lhs=principal_angles(predicted.basis, optimum.shared)[-1],
        rhs=jnp.zeros(()),
        # Davis-Kahan: ε/gap, times the condition number of X, here at most 1e3, and d.
        tolerance=1e3 * DIMENSION * eps / predicted.gap,
        relation="==",
        source=SOURCE,
    )


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


def _real(data: xr.Dataset) -> Check:
    """The closed form's angle on real data, at each width below min(k, d)."""
    eps = np.finfo(np.float64).eps
    gap = jnp.asarray(data.gap.values)
    return Check(
        lhs=jnp.asarray(data.angle.values),
        rhs=jnp.zeros(len(gap)),
        # Davis-Kahan: ε/gap, times d and the condition number of XᵀX, as (XᵀX)⁻¹ has
        # it. Sets whose columns are all but dependent are left out by `judged`.
        tolerance=data.attrs["dimension"] * float(data["condition"]) * eps / gap,
        relation="==",
        source=SOURCE,
    )


def judged(*checks: Check) -> tuple[Check, ...]:
    """The instances on which each of these checks of the same draws can fail.

    An instance is left out if the tolerance of one check is above `COARSE`, that is
    if eigenvalues `r` and `r + 1` are too close. A tolerance that is NaN stays in, and
    breaks.
    """
    coarse = np.any([np.asarray(check.tolerance) > COARSE for check in checks], axis=0)
    return tuple(jax.tree.map(lambda leaf: leaf[~coarse], check) for check in checks)


def _problem(key: PRNGKeyArray) -> tuple[TaskStatistics, Array]:
    draw, weight = jax.random.split(key)
    problem = random_problem(draw, TASKS, DIMENSION, SAMPLES, common=True)
    return problem, jax.random.uniform(weight, (TASKS,), minval=0.2, maxval=3.0)


def find(settings: Settings) -> Finding:
    """Measure the angles between predicted, closed-form and trained spans."""
    attacked = attack(settings, proposition_3())
    count = settings.scaled(40, 1000)
    keys = jax.random.split(jax.random.key(settings.seed), count)
    problems, weights = jax.vmap(_problem)(keys)
    trained = check_trained(problems, weights, WIDTH, keys)
    closed = jax.vmap(lambda s, w: check_closed_form(s, w, WIDTH))(problems, weights)
    trained, closed = judged(trained, closed)
    own = jax.vmap(lambda k: random_problem(k, TASKS, DIMENSION, SAMPLES))(keys)
    (apart,) = judged(check_trained(own, weights, WIDTH, keys))
    ties = check_trained(
        jax.vmap(tied_problem)(keys), jnp.ones(weights.shape), WIDTH, keys
    )
    # A tie is not judged, as its tolerance is useless; the angle is the evidence.
    moved = int(np.sum(np.asarray(ties.lhs) > 1e-2))
    controls = (
        Control(dropped="a common X", noticed=apart.broken, instances=apart.count),
        Control(
            dropped="a gap between eigenvalues r and r + 1",
            noticed=moved,
            instances=len(ties.lhs),
        ),
        *dropped(attacked),
    )
    studied = {
        name: study["span"]
        for name, study in studies(settings, lambda _: None).items()
        if "span" in study
    }
    widths = sum(data.angle.size for data in studied.values())
    real = {name: judged(_real(data))[0] for name, data in studied.items()}
    broken = Check.broken_in_any(trained, closed)
    real_broken = sum(check.broken for check in real.values())
    instances = sum(check.count for check in real.values())
    if not trained.count:
        raise CheckError(f"the gaps of all {count} draws are too small to judge")
    return Finding(
        claim="W-P3",
        statement="Common X: span(B*) = span((X'X)^-1 V D Q_r), Q_r from the top r of "
        "sum_i alpha_i U'y_i y_i'U.",
        source=SOURCE,
        verdict=judge(broken + real_broken == 0 and not attacked.refuted, controls),
        reason=f"trained and closed-form spans are the predicted one on "
        f"{trained.count - broken} of {trained.count} draws with random weights, the "
        f"closed form's on {instances - real_broken} of {instances} real sets and "
        f"widths; {count - trained.count} draws and {widths - instances} real widths "
        "are not judged, as their gap is too small or X too ill-conditioned; a tie "
        "between eigenvalues r and r + 1 leaves the span undetermined. Under attack "
        "no other module is as good for its distance",
        measurements=(
            failure_rate("trained problems that break it", broken, trained.count),
            failure_rate("draws not judged", count - trained.count, count),
            extreme("largest angle to the trained span (rad)", trained.lhs),
            extreme("largest angle to the closed form (rad)", closed.lhs),
            *(
                extreme(f"{name}: largest angle to the closed form (rad)", found.lhs)
                for name, found in real.items()
                if found.count
            ),
            *measured(attacked),
        ),
        controls=controls,
        data="simulated; " + ", ".join(studied),
        seed=settings.seed,
        attack=attacked.attack,
    )
