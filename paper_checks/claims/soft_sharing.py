"""M-SS: one penalty is the best of soft sharing, whatever the rows."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from paper_checks.judge.check import Check
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate, mean_with_interval
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from theory.risk import best_penalty

SOURCE = "M-SS (mathematics.md §3, soft sharing)"
STATEMENT = (
    "For b_i = b_0 + N(0, (mu^2/p) I) the penalty with the least risk of soft sharing "
    "is sigma^2 p/(2 mu^2), for every n_1, n_2, Sigma_1 and Sigma_2."
)
DIMENSION = 6
# n_1, n_2: a source below p, one below the target, one far above.
SIZES = ((3, 14), (9, 20), (60, 10))
# In log λ, to each side of the penalty that is looked for.
REACH = 6.0
# Rounding of a risk, in ε: inverses of condition numbers up to some 1e4.
ROUNDING = 1e4


class Problem(NamedTuple):
    """Rows of both tasks and the laws of their labels."""

    rows: tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "m p"]]
    covariance: Float[np.ndarray, "p p"]
    noise: tuple[float, float]
    shift: Float[np.ndarray, " p"]


def draw(
    rng: np.random.Generator, sizes: tuple[int, int], dropped: str = ""
) -> Problem:
    """Draw rows of two covariances that do not commute, and the sizes of both effects.

    Args:
        rng: Of the draw.
        sizes: `n_1` and `n_2`.
        dropped: `noise`: that of the source is nine times the target's. `directions`:
            parameters differ in some directions far more than in others.
    """
    p = DIMENSION
    turned = [np.linalg.qr(rng.normal(size=(p, p)))[0] for _ in sizes]
    spreads = [10 ** rng.uniform(-1, 1, p) for _ in sizes]
    rows = [
        rng.normal(size=(n, p)) * spread @ turn.T
        for n, spread, turn in zip(sizes, spreads, turned, strict=True)
    ]
    sigma = (turned[1] * spreads[1] ** 2) @ turned[1].T
    noise, shift = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-1, 1)
    share = np.geomspace(1e-3, 1, p) if dropped == "directions" else np.ones(p)
    first = 9 * noise if dropped == "noise" else noise
    return Problem(
        (rows[0], rows[1]), sigma, (first, noise), shift * share / np.mean(share)
    )


def maps(problem: Problem, penalty: float) -> list[np.ndarray]:
    """The maps from both tasks' labels to `b̂`, from stacked least squares.

    The unknowns are `b` and `z`; the rows of `√λ z = 0` follow those of the tasks.
    """
    x_1, x_2 = problem.rows
    p = DIMENSION
    stacked = np.block(
        [
            [x_1, x_1],
            [x_2, np.zeros_like(x_2)],
            [np.zeros((p, p)), penalty**0.5 * np.eye(p)],
        ]
    )
    found = np.linalg.pinv(stacked)[:p]
    return [found[:, : len(x_1)], found[:, len(x_1) : len(x_1) + len(x_2)]]


def risk(problem: Problem, penalty: float) -> float:
    """Mean of the target's risk over labels and parameters, given the rows."""
    root = np.linalg.cholesky(problem.covariance).T
    seen = [root @ one for one in maps(problem, penalty)]
    error = seen[0] @ problem.rows[0] * np.sqrt(2 * problem.shift / DIMENSION)
    noises = zip(problem.noise, seen, strict=True)
    return float(np.sum(error**2) + sum(s * np.sum(m**2) for s, m in noises))


def stated(problem: Problem, *, factor: float = 1.0) -> float:
    """`σ²p/(2μ²)`, of the target's noise and the mean shift; or times a factor."""
    penalty = best_penalty(DIMENSION, problem.noise[1], np.mean(problem.shift))
    return factor * float(penalty)


def check(problems: list[Problem], *, factor: float = 1.0) -> Check:
    """Compare the logarithms of the penalty of least risk, searched for, and stated."""
    found, tolerance = [], []
    for problem in problems:
        centre = np.log(stated(problem))

        def height(t: float, problem: Problem = problem) -> float:
            return risk(problem, float(np.exp(t)))

        grid = centre + np.linspace(-REACH, REACH, 25)
        at = int(np.argmin([height(t) for t in grid]))
        ends = (grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)])
        best: Any = minimize_scalar(
            height, bounds=ends, method="bounded", options={"xatol": 1e-10}
        )
        found.append(best.x)
        step = 0.05
        sides = height(best.x + step) + height(best.x - step)
        curve = max((sides - 2 * best.fun) / step**2, 1e-300)
        # Where the risk is flat to its rounding, any penalty is as good.
        eps = ROUNDING * np.finfo(float).eps
        tolerance.append(np.sqrt(2 * eps * best.fun / curve))
    told = np.log([stated(problem, factor=factor) for problem in problems])
    return Check(
        lhs=jnp.asarray(found),
        rhs=jnp.asarray(told),
        tolerance=jnp.asarray(tolerance),
        relation="==",
        source=SOURCE,
    )


def drawn_risks(
    rng: np.random.Generator, problem: Problem, penalty: float, draws: int
) -> Float[np.ndarray, " n"]:
    """Squared errors of `b̂` on drawn parameters and labels, over `risk`."""
    p, found = DIMENSION, maps(problem, penalty)
    b = rng.normal(size=(2, draws, p)) * np.sqrt(problem.shift / p)
    labels = [
        one @ x.T + np.sqrt(noise) * rng.normal(size=(draws, len(x)))
        for one, x, noise in zip(b, problem.rows, problem.noise, strict=True)
    ]
    error = labels[0] @ found[0].T + labels[1] @ found[1].T - b[1]
    squares = np.einsum("nd,de,ne->n", error, problem.covariance, error)
    return squares / risk(problem, penalty)


def find(settings: Settings) -> Finding:
    """Search for the best penalty given rows, with and without the hypotheses."""
    each = settings.scaled(8, 200)
    rng = np.random.default_rng(settings.seed)
    made = {
        dropped: [draw(rng, sizes, dropped) for sizes in SIZES for _ in range(each)]
        for dropped in ("", "noise", "directions")
    }
    held = check(made[""])
    noise, directions = check(made["noise"]), check(made["directions"])
    mutant = check(made[""], factor=2.0)
    controls = (
        Control(
            dropped="one noise for both tasks (the source's is nine times)",
            noticed=noise.broken,
            instances=noise.count,
        ),
        Control(
            dropped="differences alike in all directions",
            noticed=directions.broken,
            instances=directions.count,
        ),
        Control(
            dropped="the 2 of 2 mu^2 (a penalty twice as large)",
            noticed=mutant.broken,
            instances=mutant.count,
        ),
    )
    ratios = np.concatenate(
        [drawn_risks(rng, one, stated(one), 200) for one in made[""]]
    )
    worse = [
        np.mean([risk(one, factor * stated(one)) for factor in (0.1, 10.0)])
        / risk(one, stated(one))
        - 1
        for one in made[""]
    ]
    gap = np.exp(np.abs(np.asarray(held.lhs - held.rhs))) - 1
    return Finding(
        claim="M-SS",
        statement=STATEMENT,
        source=SOURCE,
        verdict=judge(held.broken == 0, controls),
        reason=(
            "given rows, the penalty of least risk that a search finds is the stated "
            f"one on {held.count - held.broken} of {held.count} pairs of tasks with "
            f"covariances that do not commute, to {np.max(gap):.1g} relatively; a "
            f"tenth or ten times of it costs {100 * np.mean(worse):.2g} % of the risk "
            "in the mean"
        ),
        measurements=(
            failure_rate("pairs with another best penalty", held.broken, held.count),
            extreme("largest |best/stated - 1|", gap),
            mean_with_interval("what 10 or 1/10 times it costs, in risks", worse),
            mean_with_interval("squared error of draws over the mean risk", ratios),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )
