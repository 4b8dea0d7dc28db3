"""W-E5: the covariance similarity score does not see rotations."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from paper_checks.claims.equation_5_statement import SOURCE, equation_5
from paper_checks.judge.check import Check
from paper_checks.judge.claim import attack, dropped, measured
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate, mean_with_interval
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from theory.covariance import similarity

DIMENSION, ROWS = 8, 40
# d eigenvalues and products of norm 1, each to a few ε.
TOLERANCE = 64 * DIMENSION * float(np.finfo(np.float64).eps)


def check_rotation(
    x1: Float[Array, "m d"],
    x2: Float[Array, "n d"],
    first: Float[Array, "d d"],
    second: Float[Array, "d d"],
) -> Check:
    """Compare the score of `(X_1, X_2)` with that of `(X_1Q_1, X_2Q_2)`.

    The paper calls the score invariant to rotations; what is true is `Q_1 = Q_2`.
    """
    return Check(
        lhs=similarity(x1 @ first, x2 @ second),
        rhs=similarity(x1, x2),
        tolerance=jnp.asarray(TOLERANCE),
        relation="==",
        source=SOURCE,
    )


def from_rows(x1: np.ndarray, x2: np.ndarray, energy: float = 0.99) -> float:
    """Eq 5 as printed, from the singular vectors of the rows: another way to it."""
    halves = []
    for x in (x1, x2):
        _, singular, right = np.linalg.svd(x, full_matrices=False)
        share = np.cumsum(singular**2) / np.sum(singular**2)
        rank = int(np.searchsorted(share, energy)) + 1
        halves.append(right[:rank].T * singular[:rank])
    norms = [np.linalg.norm(half) for half in halves]
    return float(np.linalg.norm(halves[0].T @ halves[1]) / (norms[0] * norms[1]))


def _draw(key: PRNGKeyArray) -> tuple[Array, Array, Array, Array]:
    parts = jax.random.split(key, 6)
    scales = [
        10 ** jax.random.uniform(k, (DIMENSION,), minval=-0.5, maxval=0.5)
        for k in parts[:2]
    ]
    rows = [
        jax.random.normal(k, (ROWS, DIMENSION)) * s
        for k, s in zip(parts[2:4], scales, strict=True)
    ]
    turns = [
        jnp.linalg.qr(jax.random.normal(k, (DIMENSION, DIMENSION)))[0]
        for k in parts[4:]
    ]
    return rows[0], rows[1], turns[0], turns[1]


def find(settings: Settings) -> Finding:
    """Measure invariance to a common rotation, and what one-sided rotation does."""
    found = attack(settings, equation_5())
    count = settings.scaled(500, 10_000)
    x1, x2, q1, q2 = jax.vmap(_draw)(
        jax.random.split(jax.random.key(settings.seed), count)
    )
    together = jax.vmap(check_rotation)(x1, x2, q1, q1)
    apart = jax.vmap(check_rotation)(x1, x2, q1, q2)
    by_rows = np.array(
        [from_rows(a, b) for a, b in zip(np.asarray(x1), np.asarray(x2), strict=True)]
    )
    printed = Check(
        lhs=jnp.asarray(by_rows),
        rhs=together.rhs,
        tolerance=together.tolerance,
        relation="==",
        source=SOURCE,
    )
    own = jax.vmap(similarity)(x1, x1)
    controls = (
        Control(
            dropped="one rotation for both tasks (a rotation of task 2 alone)",
            noticed=apart.broken,
            instances=apart.count,
        ),
        *dropped(found),
    )
    broken = Check.broken_in_any(together, printed)
    return Finding(
        claim="W-E5",
        statement="The covariance similarity score (eq 5) is invariant to rotations.",
        source=SOURCE,
        verdict=judge(broken == 0 and not found.refuted, controls),
        reason=(
            "for one rotation of both tasks' inputs, if the spectra settle the ranks: "
            "of two equal eigenvalues of which one is kept, the score is that of a "
            "choice. Rotating one task changes it, as it must. score(X, X) is not 1, "
            "so printed scores do not compare across spectra (the normalised score "
            "divides by it)"
        ),
        measurements=(
            failure_rate("instances of rows that break it", broken, count),
            extreme("largest change by a common rotation", jnp.abs(together.slack)),
            mean_with_interval("change by a one-sided rotation", jnp.abs(apart.slack)),
            mean_with_interval(f"score(X, X) as printed, d = {DIMENSION}", own),
            extreme("largest difference from eq 5 on rows", jnp.abs(printed.slack)),
            *measured(found),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=found.attack,
    )
