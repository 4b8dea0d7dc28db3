"""Quadratic ties against least squares of stacked rows, and 60 digits."""

from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from tests.strategies import rows, statistics
from theory.penalised import quadratic, ties
from theory.penalised.quadratic import quadratic_optimum
from theory.penalised.ties import QuadraticPenalty
from theory.tasks import TaskStatistics

# Numbers become arrays, which checkers of types do not see.
MeanRegularised: Any = ties.MeanRegularised
SoftSharing: Any = ties.SoftSharing
KnownClusters: Any = ties.KnownClusters

GRAPH = np.array([[0, 1, 0.5, 0], [1, 0, 0, 0], [0.5, 0, 0, 2], [0, 0, 2, 0]])
PENALTIES = {
    "mean": MeanRegularised(3.0, 0.5),
    "mean, free": MeanRegularised(3.0, 0.0),
    "deviation below mean": MeanRegularised(0.1, 20.0),
    "pairs": SoftSharing(2.0),
    "pairs, ridge": SoftSharing(2.0, None, 0.3),
    "graph": SoftSharing(2.0, GRAPH, 0.3),
    "graph, no ridge": SoftSharing(2.0, GRAPH),
    "clusters": KnownClusters((0, 1, 1, 1), 0.2, 1.0, 5.0),
    "clusters, reversed": KnownClusters((0, 1, 1, 1), 2.0, 1.0, 0.5),
    "one cluster": KnownClusters((2, 2, 2, 2), 0.2, 1.0, 5.0),
    "own clusters": KnownClusters((0, 1, 2, 3), 0.2, 1.0, 5.0),
    "nothing": MeanRegularised(0.0, 0.0),
    "mean alone": MeanRegularised(0.0, 1.0),
}
WEIGHTS = np.array([1.0, 0.5, 2.0, 3.0])


def stacked(x: list, y: list, penalty: QuadraticPenalty, weights: np.ndarray):
    """Least squares of all rows and of the rows of a root of `M ⊗ I`."""
    k, d = len(x), x[0].shape[1]
    value, vector = np.linalg.eigh(np.asarray(penalty.matrix(k)))
    root = np.sqrt(np.maximum(value, 0))[:, None] * vector.T
    blocks = np.zeros((sum(map(len, x)), k * d))
    start = 0
    for task, own in enumerate(x):
        end = start + len(own)
        blocks[start:end, task * d : (task + 1) * d] = np.sqrt(weights[task]) * own
        start = end
    labels = np.concatenate(
        [np.sqrt(w) * one for w, one in zip(weights, y, strict=True)]
    )
    design = np.vstack([blocks, np.kron(root, np.eye(d))])
    right = np.concatenate([labels, np.zeros(k * d)])
    found = np.linalg.lstsq(design, right, rcond=None)[0]
    return found.reshape(k, d), np.sum((design @ found - right) ** 2) / 2


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("kind", ["plain", "few rows", "repeated", "condition"])
def test_the_optimum_is_that_of_the_stacked_rows(name: str, kind):
    x, y = rows(3, 4, 3, kind)
    found = quadratic_optimum(
        TaskStatistics.from_data(x, y),
        PENALTIES[name],
        WEIGHTS,
    )
    expected, least = stacked(x, y, PENALTIES[name], WEIGHTS)
    scale = sum(w * one @ one for w, one in zip(WEIGHTS, y, strict=True))
    assert found.lower_bound <= least + 1e-15 * scale
    assert found.objective >= least - 1e-14 * scale
    assert found.certified, found.describe()
    if kind == "plain":
        # The fall-back would hide an error of the elimination.
        slow = name in ("graph", "graph, no ridge")
        assert found.route == ("one system" if slow else "elimination")
        np.testing.assert_allclose(found.parameters, expected, rtol=1e-9, atol=1e-10)


def exact(known: TaskStatistics, penalty: QuadraticPenalty) -> np.ndarray:
    """The normal equations of all tasks with 60 digits."""
    k, d = known.moment.shape
    with mpmath.workdps(60):
        hessian = mpmath.matrix(k * d)
        for task, gram in enumerate(np.asarray(known.gram).tolist()):
            for a in range(d):
                for b in range(d):
                    hessian[task * d + a, task * d + b] = mpmath.mpf(gram[a][b])
        ties = np.asarray(penalty.matrix(k)).tolist()
        for i in range(k):
            for j in range(k):
                for a in range(d):
                    hessian[i * d + a, j * d + a] += mpmath.mpf(ties[i][j])
        right = mpmath.matrix(np.asarray(known.moment).reshape(-1).tolist())
        return np.array(mpmath.lu_solve(hessian, right).tolist(), float).reshape(k, d)


@pytest.mark.parametrize("name", ["mean", "clusters", "graph"])
def test_units_of_the_columns_over_twelve_decades_cost_no_digits(name: str):
    known = statistics(5, 4, 3, "columns")
    found = quadratic_optimum(known, PENALTIES[name])
    unit = np.sqrt(np.asarray(known.gram)[:, range(3), range(3)].max(axis=0))
    expected = exact(known, PENALTIES[name]) * unit
    error = np.abs(np.asarray(found.parameters) * unit - expected).max()
    assert found.certified
    assert error < 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("graph", [None, np.ones((4, 4))], ids=["nested", "one system"])
def test_a_strong_tie_pools_at_the_rate_of_its_inverse(graph: Any):
    known = statistics(1, 4, 3)
    pooled = np.linalg.solve(known.gram.sum(axis=0), known.moment.sum(axis=0))
    away = []
    for strength in (1e4, 1e6, 1e12):
        found = quadratic_optimum(known, SoftSharing(strength, graph))
        assert found.certified, found.describe()
        away.append(np.abs(np.asarray(found.parameters) - pooled).max())
    assert away[0] / away[1] == pytest.approx(100, rel=0.01)
    assert away[2] < 1e-8


def test_the_centre_of_evgeniou_and_pontil_is_a_share_of_the_mean():
    # w_0 and v_i as parameters of one ridge regression: λ_0 = 2, λ_1 = 3.
    x, y = rows(7, 4, 3)
    design = np.zeros((sum(map(len, x)) + 15, 15))
    start = 0
    for task, own in enumerate(x):
        rows_ = slice(start, start + len(own))
        design[rows_, :3] = design[rows_, 3 * task + 3 : 3 * task + 6] = own
        start += len(own)
    design[start:] = np.diag([np.sqrt(2 * 4)] * 3 + [np.sqrt(3)] * 12)
    right = np.concatenate([*y, np.zeros(15)])
    joint = np.linalg.lstsq(design, right, rcond=None)[0].reshape(5, 3)
    penalty = MeanRegularised(3.0, 2 * 3 / (2 + 3))
    found = quadratic_optimum(TaskStatistics.from_data(x, y), penalty).parameters
    np.testing.assert_allclose(found, joint[0] + joint[1:], atol=1e-10)
    np.testing.assert_allclose(joint[0], 3 / 5 * found.mean(axis=0), atol=1e-10)


def test_a_solver_that_leaves_too_much_is_not_believed():
    hessian, gradient = np.diag([1.0, 5.0]), jnp.ones((1, 2))

    def left(right: Any, point: Any) -> Any:
        return right - point @ hessian

    def slack(share: float) -> float:
        solve = lambda right: share * right @ np.linalg.inv(hessian)  # noqa: E731
        return float(quadratic._slack(gradient, left, solve, 1 + 0 * gradient))

    least = float((1 + 1 / 5) / 2)
    assert least <= slack(0.6) <= 2 * least
    assert least <= slack(1.0) <= 2 * least
    assert slack(0.2) == np.inf
    # A direction that the solver does not see is not explained by rounding.
    blind = lambda right: right @ np.diag([0.0, 1 / 5])  # noqa: E731
    assert quadratic._slack(gradient, left, blind, 1e-16 * gradient) == np.inf


def test_the_objective_has_the_gradient_of_its_strength():
    known = statistics(2, 4, 3)

    def least(deviation: Any) -> Any:
        return quadratic_optimum(known, MeanRegularised(deviation, 0.5)).objective

    slope = float(jax.grad(least)(3.0))
    found = quadratic_optimum(known, MeanRegularised(3.0, 0.5)).parameters
    expected = float(np.sum((found - found.mean(axis=0)) ** 2) / 2)
    assert slope == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MeanRegularised(-1, 0), "deviation must be finite and >= 0, got -1"),
        (lambda: MeanRegularised(1, np.nan), "mean must be finite and >= 0, got nan"),
        (lambda: SoftSharing(np.inf), "strength must be finite and >= 0, got inf"),
        (lambda: SoftSharing(1, [[0, 1], [2, 0]]), r"graph\[0, 1\] must be symmetric"),
        (lambda: SoftSharing(1, [[0, -1], [-1, 0]]), "graph's Laplacian .* got -2"),
        (lambda: KnownClusters((0, -1), 1, 1, 1), "assignment must be .* got -1"),
        (lambda: KnownClusters((0, 0.5), 1, 1, 1), "assignment must be .* got 0.5"),
    ],
)
def test_what_has_no_minimum_is_refused(build: Any, message: str):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    "penalty", [SoftSharing(1.0, GRAPH), KnownClusters((0, 1, 1, 0), 1, 1, 1)]
)
def test_ties_of_other_tasks_are_refused(penalty: QuadraticPenalty):
    with pytest.raises(ValueError, match=r"(graph|assignment) must be .* got shape"):
        quadratic_optimum(statistics(0, 3, 4), penalty)
