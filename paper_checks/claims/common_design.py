"""M-CX: risk of tasks with one X at every width of the shared module."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from paper_checks.judge.check import Check
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate, mean_with_interval
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from theory.risk import common_design_risk

SOURCE = "M-CX (mathematics.md §3, common X)"
STATEMENT = (
    "Common X, k tasks, width r: the risk of task t is close to "
    "|Theta a_t - theta_t|^2 + sigma^2 |a_t|^2 p/(n-p), a_t column t of the projector "
    "on the top r eigenvectors of Theta'Theta."
)
TASKS = 4
# p and n in one ratio: the statement is exact as both grow.
SIZES = ((16, 32), (64, 128), (256, 512))
SIGNALS = (9.0, 4.0, 1.0, 0.25)
TIED = (9.0, 2.5, 2.5, 0.25)
# σ² for which the best width is 3, 2 and 1.
NOISES = (0.5, 2.0, 6.0)


class Curve(NamedTuple):
    """Risks by noise, width 1..k and task: means of draws, their errors, and stated."""

    measured: Float[np.ndarray, "s r k"]
    error: Float[np.ndarray, "s r k"]
    stated: Float[np.ndarray, "s r k"]


def parameters(
    rng: np.random.Generator, dimension: int, signals: tuple[float, ...] = SIGNALS
) -> Float[np.ndarray, "k p"]:
    """`Θᵀ` with these eigenvalues of `ΘᵀΘ`, and eigenvectors that mix all tasks."""
    left = np.linalg.qr(rng.normal(size=(dimension, TASKS)))[0]
    # The same eigenvectors in every dimension, so that risks compare.
    right = np.linalg.qr(np.random.default_rng(0).normal(size=(TASKS, TASKS)))[0]
    return right @ (left * np.sqrt(signals)).T


def squared_errors(
    rng: np.random.Generator,
    theta: Float[np.ndarray, "k p"],
    samples: int,
    draws: int,
) -> Float[np.ndarray, "n s r k"]:
    """Errors of the optimum of every width on drawn rows and labels.

    The optimum is the projection of `Q_XᵀY`, `X = Q_XR`, on its top singular vectors
    (Eckart-Young): no Gram matrix and no eigenvectors of `Θ`.
    """
    k, p = theta.shape
    found = np.empty((draws, len(NOISES), k, k))
    for n in range(draws):
        basis, factor = np.linalg.qr(rng.normal(size=(samples, p)))
        clean = factor @ theta.T
        # Of the noise only what lies in the span of X counts.
        noise = basis.T @ rng.normal(size=(samples, k))
        labels = clean + np.sqrt(NOISES)[:, None, None] * noise
        left, values, right = np.linalg.svd(labels, full_matrices=False)
        parts = left[:, :, :, None] * (values[..., None] * right)[:, None]
        fitted = np.cumsum(parts, axis=2).transpose(0, 2, 1, 3)
        error = np.linalg.solve(factor, fitted) - theta.T
        found[n] = np.sum(error**2, axis=2)
    return found


def curve(
    rng: np.random.Generator,
    size: tuple[int, int],
    draws: int,
    signals: tuple[float, ...] = SIGNALS,
) -> Curve:
    """Measured and stated risks at `(p, n)`."""
    theta = parameters(rng, size[0], signals)
    drawn = squared_errors(rng, theta, size[1], draws)
    return Curve(
        drawn.mean(axis=0),
        drawn.std(axis=0, ddof=1) / np.sqrt(draws),
        np.stack(
            [
                np.asarray(common_design_risk(theta, size[1], noise).total)
                for noise in NOISES
            ]
        ),
    )


def check(curves: list[Curve]) -> Check:
    """Compare risks at the largest size with those stated, task by task.

    What is left out is of the order of `1/n`: of two sizes in a ratio of four, the
    larger may have half of what the smaller has, a quarter being expected, and five
    standard errors of both.
    """
    before, last = curves[-2:]
    left = np.abs(before.measured - before.stated) / 2
    return Check(
        lhs=jnp.asarray(last.measured),
        rhs=jnp.asarray(last.stated),
        tolerance=jnp.asarray(left + 5 * np.hypot(last.error, before.error / 2)),
        relation="==",
        source=SOURCE,
    )


def without_inflation(one: Curve, size: tuple[int, int]) -> Curve:
    """A mutant: `p/n` in place of `p/(n − p)`."""
    p, n = size
    variance = one.stated - _bias(one)
    return one._replace(stated=one.stated - variance * p / n)


def alike(one: Curve) -> Curve:
    """A mutant: `r/k` in place of `‖a_t‖²`, as if all tasks were alike."""
    variance = one.stated - _bias(one)
    mean = np.mean(variance, axis=-1, keepdims=True)
    return one._replace(stated=one.stated - variance + mean)


def _bias(one: Curve) -> Float[np.ndarray, "s r k"]:
    """What of the stated risk does not depend on the noise: it is linear in `σ²`."""
    low, high = NOISES[0], NOISES[-1]
    slope = (one.stated[-1] - one.stated[0]) / (high - low)
    return np.broadcast_to(one.stated[0] - low * slope, one.stated.shape)


def find(settings: Settings) -> Finding:
    """Measure the curves at three sizes, at three levels of noise."""
    counts = [settings.scaled(n, 20 * n) for n in (400, 200, 60)]
    rng = np.random.default_rng(settings.seed)
    curves = [curve(rng, size, n) for size, n in zip(SIZES, counts, strict=True)]
    tied = [
        curve(rng, size, n, TIED) for size, n in zip(SIZES[:2], counts, strict=False)
    ]
    held = check(curves)
    mutants = {
        "p/(n - p) (p/n instead)": [
            without_inflation(*pair) for pair in zip(curves, SIZES, strict=True)
        ],
        "|a_t|^2 of each task (r/k instead)": [alike(one) for one in curves],
        "a gap behind eigenvalue r (2 and 3 are equal)": tied,
    }
    controls = tuple(
        Control(dropped=name, noticed=noticed(check(mutant)), instances=len(NOISES))
        for name, mutant in mutants.items()
    )
    last = curves[-1]
    wide = [best_widths(values) for values in (last.measured, last.stated)]
    right = sum(a == b for a, b in zip(*wide, strict=True))
    return Finding(
        claim="M-CX",
        statement=STATEMENT,
        source=SOURCE,
        verdict=judge(held.broken == 0 and right == len(NOISES), controls),
        reason=(
            f"at p = {SIZES[-1][0]}, n = {SIZES[-1][1]} the risks of all tasks and "
            f"widths are as stated, but for what falls as 1/n; the best widths, "
            f"{', '.join(map(str, wide[0]))} for growing noise, are the stated ones. "
            "The statement leaves out that directions are estimated: with few rows, "
            "much noise and r above the best width that is most of a risk"
        ),
        measurements=(
            failure_rate("risks that are not as stated", held.broken, held.count),
            failure_rate("other best widths", len(NOISES) - right, len(NOISES)),
            mean_with_interval(
                "exponent of n in what is left out, a width below k", _slopes(curves)
            ),
            *(
                extreme(
                    f"largest |measured/stated - 1| of a mean over tasks, n = {n}",
                    _apart(one),
                )
                for one, (_, n) in zip(curves, SIZES, strict=True)
            ),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def noticed(found: Check) -> int:
    """Levels of noise at which any risk is not as stated."""
    return int(np.sum(np.any(~np.asarray(found.holds), axis=(1, 2))))


def best_widths(risks: Float[np.ndarray, "s r k"]) -> list[int]:
    """The width of least risk in sum over tasks, for each level of noise."""
    return [int(r) + 1 for r in np.argmin(risks.sum(axis=-1), axis=-1)]


def _apart(one: Curve) -> Float[np.ndarray, "s r"]:
    """Relative deviation of the mean over tasks, at widths below `k`."""
    return np.abs(one.measured.mean(-1) / one.stated.mean(-1) - 1)[:, :-1]


def _slopes(curves: list[Curve]) -> Float[np.ndarray, " n"]:
    first, last = _apart(curves[0]), _apart(curves[-1])
    return (np.log(last / first) / np.log(SIZES[-1][1] / SIZES[0][1])).ravel()
