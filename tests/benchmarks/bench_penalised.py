"""Row-sparse optima against scikit-learn's multi-task lasso, at equal gaps."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import MultiTaskLasso

from tests.benchmarks.paired import interleave, quartiles
from theory.penalised import BlockSparse, largest_strength, penalised_optimum
from theory.penalised.duality import Problem
from theory.penalised.optimum import has_common_gram
from theory.penalised.working_set import descend_on_rows
from theory.tasks import TaskStatistics

Rows = list[np.ndarray]


def draw(m: int, d: int, k: int, *, common: bool) -> tuple[Rows, Rows]:
    """Gaussian rows, a twentieth of the features used by all tasks, noise of 1."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=(m, d))
    covariates = [one if common else rng.normal(size=(m, d)) for _ in range(k)]
    truth = rng.normal(size=(k, d)) * (np.arange(d) < d // 20)
    labels = [
        x @ w + rng.normal(size=m) for x, w in zip(covariates, truth, strict=True)
    ]
    return covariates, labels


def fold(x: np.ndarray, labels: np.ndarray) -> TaskStatistics:
    """Statistics of a common `X`: one product for all tasks."""
    gram, k = x.T @ x, labels.shape[1]
    return TaskStatistics(
        gram=jnp.broadcast_to(jnp.asarray(gram), (k, *gram.shape)),
        moment=jnp.asarray((x.T @ labels).T),
        energy=jnp.asarray(np.sum(labels**2, axis=0)),
        samples=jnp.full(k, float(len(x))),
    )


@pytest.mark.parametrize("share", [0.1, 0.01])
@pytest.mark.parametrize("accuracy", [1e-6, 1e-10])
def test_common_rows_against_scikit_learn(share, accuracy, report, smoke):
    m, d, k = (100, 130, 3) if smoke else (1000, 500, 20)
    rounds = 2 if smoke else 5
    covariates, labels = draw(m, d, k, common=True)
    x, y = covariates[0], np.stack(labels, axis=1)
    sums = fold(x, y)
    strength = share * float(largest_strength(sums, BlockSparse(1.0)))
    least = float(penalised_optimum(sums, BlockSparse(strength)).objective)
    tolerance = accuracy * least / float(np.sum(y**2))
    peer = MultiTaskLasso(
        strength / m, fit_intercept=False, tol=tolerance, max_iter=100_000
    )

    def theirs() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return np.asarray(peer.fit(x, y).coef_)

    works = {
        "ours": lambda: (
            penalised_optimum(
                fold(x, y), BlockSparse(strength), tolerance=tolerance
            ).parameters
        ),
        "scikit-learn": theirs,
    }
    found = penalised_optimum(sums, BlockSparse(strength), tolerance=tolerance)
    assert bool(found.certified), found.describe()
    fitted = theirs()
    value = 0.5 * np.sum((y - x @ fitted.T) ** 2)
    value += strength * np.sum(np.linalg.norm(fitted, axis=0))
    assert value - least <= 2 * accuracy * least
    times = interleave(works, rounds)
    ratio = times["scikit-learn"] / times["ours"]
    report(
        f"common X {m} x {d}, k = {k}, {share} of the largest strength, gap "
        f"{accuracy:g}: {quartiles(ratio)} times scikit-learn (target >= 1); ours "
        f"{quartiles(1e3 * times['ours'])} ms, folding included (n={rounds} rounds)"
    )


@pytest.mark.parametrize("share", [0.1, 0.02])
def test_own_rows(share, report, smoke):
    m, d, k = (60, 130, 3) if smoke else (300, 200, 20)
    rounds = 2 if smoke else 5
    sums = TaskStatistics.from_data(*draw(m, d, k, common=False))
    penalty = BlockSparse(share * float(largest_strength(sums, BlockSparse(1.0))))
    problem = Problem.of(sums, jnp.ones(k), common=has_common_gram(sums))
    zero, close = jnp.zeros((k, d)), jnp.asarray(1e-10)
    times = interleave(
        {
            "solve": lambda: descend_on_rows(problem, penalty, zero, close).best,
            "checks and solve": lambda: (
                penalised_optimum(sums, penalty, tolerance=1e-10).parameters
            ),
        },
        rounds,
    )
    for name, seconds in times.items():
        report(
            f"own X {m} x {d}, k = {k}, {share} of the largest strength, gap 1e-10 of "
            f"Σe, {name}: {quartiles(1e3 * seconds)} ms (n={rounds} rounds)"
        )
