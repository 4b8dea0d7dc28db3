"""Optima against scikit-learn, reductions and each other, on awkward tasks."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Lasso, MultiTaskLasso

from tests.strategies import rows, statistics
from theory.linear import single_task_optimum
from theory.penalised import (
    BlockSparse,
    ClusteredPenalty,
    Dirty,
    PenalisedOptimum,
    Penalty,
    SquaredTraceNorm,
    TensorTraceNorm,
    TraceNorm,
    largest_strength,
    path,
    penalised_optimum,
)
from theory.penalised.optimum import has_common_gram
from theory.tasks import TaskStatistics

K, D = 4, 3
PENALTIES: dict[str, Penalty] = {
    "l1": BlockSparse(2.0, 1),
    "l1/l2": BlockSparse(2.0),
    "l1/linf": BlockSparse(2.0, np.inf),
    "dirty": Dirty(2.0, 1.0),
    "trace": TraceNorm(2.0),
    "squared trace": SquaredTraceNorm(2.0),
    "clusters": ClusteredPenalty(2, 0.2, 0.5, 2.0),
    "tensor": TensorTraceNorm([0.6, 0.5, 0.7], (2, 2)),
    "tensor train, ridge": TensorTraceNorm([1.0, 0.0, 0.7], (2, 2), 0.3),
    "l1/l2, ridge": BlockSparse(2.0, 2, 0.3),
}
KINDS = ("plain", "few rows", "common", "repeated", "condition")


def certified(
    sums: TaskStatistics, penalty: Penalty, weights: Any = None
) -> PenalisedOptimum:
    found = penalised_optimum(sums, penalty, weights)
    assert bool(found.certified), found.describe()
    return found


@pytest.mark.parametrize("name", list(PENALTIES))
@pytest.mark.parametrize("kind", KINDS)
def test_awkward_tasks_are_certified(name, kind):
    certified(statistics(3, K, D, kind), PENALTIES[name])


@pytest.mark.parametrize("name", list(PENALTIES))
def test_objective_and_loss_are_those_of_the_rows(name):
    weights = np.array([0.5, 0.0, 1.0, 3.0])
    covariates, labels = rows(5, K, D)
    sums = TaskStatistics.from_data(covariates, labels)
    found, penalty = certified(sums, PENALTIES[name], weights), PENALTIES[name]
    W = np.asarray(found.parameters)
    losses = [
        np.sum((x @ w - y) ** 2) for x, y, w in zip(covariates, labels, W, strict=True)
    ]
    loss = float(weights @ losses)
    rest = float(penalty.value(found.parameters) + penalty.ridge * np.sum(W**2) / 2)
    assert float(found.loss) == pytest.approx(loss, rel=1e-12)
    assert float(found.objective) == pytest.approx(loss / 2 + rest, rel=1e-12)
    # A task without weight has nothing but the penalty.
    if "cluster" not in name and "tensor" not in name:
        np.testing.assert_allclose(W[1], 0, atol=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_common_rows_and_l2_are_the_lasso_of_scikit_learn(share):
    covariates, labels = rows(1, K, D, "common")
    sums = TaskStatistics.from_data(covariates, labels)
    assert has_common_gram(sums)
    strength = share * float(largest_strength(sums, BlockSparse(1.0)))
    found = certified(sums, BlockSparse(strength))
    x, m = covariates[0], len(covariates[0])
    peer = MultiTaskLasso(strength / m, fit_intercept=False, tol=1e-14, max_iter=10**5)
    peer.fit(x, np.stack(labels, axis=1))
    theirs = 0.5 * np.sum((np.stack(labels, axis=1) - x @ peer.coef_.T) ** 2)
    theirs += strength * np.sum(np.linalg.norm(peer.coef_, axis=0))
    assert float(found.objective) == pytest.approx(theirs, rel=1e-12)
    np.testing.assert_allclose(found.parameters, peer.coef_, atol=1e-6)


def test_own_rows_and_l1_are_lassos_apart():
    covariates, labels = rows(2, K, D)
    found = certified(TaskStatistics.from_data(covariates, labels), BlockSparse(1.0, 1))
    for x, y, w in zip(covariates, labels, found.parameters, strict=True):
        peer = Lasso(1.0 / len(y), fit_intercept=False, tol=1e-14, max_iter=10**5)
        np.testing.assert_allclose(w, peer.fit(x, y).coef_, atol=1e-6)


@pytest.mark.parametrize("name", ["l1", "l1/l2", "l1/linf", "dirty", "trace"])
def test_orthonormal_common_rows_need_one_prox(name):
    rng = np.random.default_rng(0)
    x = np.linalg.qr(rng.normal(size=(14, D)))[0]
    labels = list(5 * rng.normal(size=(K, 14)))
    found = certified(TaskStatistics.from_data([x] * K, labels), PENALTIES[name])
    one = PENALTIES[name].proximal(jnp.asarray(labels) @ x, jnp.asarray(1.0))
    np.testing.assert_allclose(found.parameters, one, atol=1e-6)


def test_penalties_that_are_others_have_their_optimum():
    sums = statistics(4, K, D)
    same: list[tuple[Penalty, Penalty]] = [
        (Dirty(2.0, 2.5), BlockSparse(2.0, np.inf)),
        (Dirty(2.0, 0.5), BlockSparse(0.5, 1)),
        (TensorTraceNorm([2.0, 0.0, 0.0], (2, 2)), TraceNorm(2.0)),
        (TensorTraceNorm([2.0, 0.0, 0.0], (4, 1)), TraceNorm(2.0)),
        # As one cluster the tasks deviate from their mean; as k they do so for less.
        (ClusteredPenalty(1, 0.7, 0.1, 0.7), SquaredTraceNorm(0.0, 0.7)),
        (ClusteredPenalty(4, 0.7, 0.7, 9.0), SquaredTraceNorm(0.0, 0.7)),
        # Each axis of a grid of one row: d x k and k x d have one trace norm.
        (TensorTraceNorm([0.0, 0.0, 2.0], (1, 4)), TraceNorm(2.0)),
    ]
    for one, other in same:
        a, b = certified(sums, one), certified(sums, other)
        assert float(a.objective) == pytest.approx(float(b.objective), rel=1e-12)
        np.testing.assert_allclose(a.parameters, b.parameters, atol=2e-6)


@pytest.mark.parametrize("name", ["l1", "l1/l2", "l1/linf", "dirty", "trace"])
def test_the_largest_strength_is_the_least_with_zero(name):
    sums, weights = statistics(6, K, D), np.array([1.0, 2.0, 0.5, 0.0])
    penalty = PENALTIES[name]
    largest = float(largest_strength(sums, penalty, weights))
    for factor in (1.0, 1 + 1e-9, 10.0):
        found = certified(sums, penalty.at(largest * factor), weights)
        assert not np.asarray(found.parameters).any()
        assert float(found.gap) == 0
    below = certified(sums, penalty.at(largest * 0.999), weights)
    assert np.asarray(below.parameters).any()


def test_a_tensor_is_zero_at_its_largest_strength():
    sums, penalty = statistics(6, K, D), PENALTIES["tensor"]
    largest = float(largest_strength(sums, penalty))
    found = certified(sums, penalty.at(largest * (1 + 1e-12)))
    assert not np.asarray(found.parameters).any()


@pytest.mark.parametrize("kind", ["plain", "repeated", "few rows"])
def test_strength_zero_is_least_squares(kind):
    sums = statistics(7, K, D, kind)
    found = penalised_optimum(sums, BlockSparse(0.0))
    np.testing.assert_allclose(found.parameters, single_task_optimum(sums), atol=1e-9)
    assert float(found.lower_bound) <= float(found.objective)
    # Rows that are fewer than inputs are fitted, and nothing is below 0.
    assert bool(found.certified) == (kind != "repeated"), found.describe()
    ridge = certified(sums, TraceNorm(0.0, 0.5))
    eye = 0.5 * np.eye(D)
    right = np.asarray(sums.moment)[..., None]
    solved = np.linalg.solve(np.asarray(sums.gram) + eye, right)[..., 0]
    np.testing.assert_allclose(ridge.parameters, solved, atol=1e-9)


@pytest.mark.parametrize("name", ["l1/l2", "l1/linf", "dirty", "trace", "clusters"])
def test_small_shapes(name):
    one = statistics(8, 1, D)
    penalty = PENALTIES[name]
    if name == "clusters":
        penalty = ClusteredPenalty(1, 0.2, 0.5, 2.0)
    certified(one, penalty)
    certified(statistics(8, 4, 1), PENALTIES[name])


def test_single_rows_zero_columns_and_equal_columns():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(K, 1, D))
    labels = rng.normal(size=(K, 1)) * 9
    single = TaskStatistics(
        gram=jnp.einsum("kmd,kme->kde", x, x),
        moment=jnp.einsum("kmd,km->kd", x, labels),
        energy=jnp.sum(jnp.asarray(labels) ** 2, axis=1),
        samples=jnp.ones(K),
    )
    covariates, labels = rows(9, K, D)
    for design in covariates:
        design[:, 1] = 0
        design[:, 2] = design[:, 0]
    odd = TaskStatistics.from_data(covariates, labels)
    for penalty in PENALTIES.values():
        certified(single, penalty)
        found = certified(odd, penalty)
        np.testing.assert_allclose(found.parameters[:, 1], 0, atol=1e-9)


def test_draws_and_strengths_are_vmapped():
    draws = [statistics(seed, K, D) for seed in (10, 11)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *draws)
    strengths = jnp.asarray([0.5, 2.0, 1e4])

    def one(sums: TaskStatistics, strength: jax.Array) -> PenalisedOptimum:
        return penalised_optimum(sums, BlockSparse(strength))

    inner = jax.vmap(one, in_axes=(None, 0))
    many = jax.jit(jax.vmap(inner, in_axes=(0, None)))(stacked, strengths)
    assert bool(jnp.all(many.certified))
    for place, sums in enumerate(draws):
        for column, strength in enumerate(strengths):
            alone = certified(sums, BlockSparse(float(strength)))
            gap = float(many.objective[place, column] - alone.objective)
            assert abs(gap) <= float(alone.tolerance)
    assert not np.asarray(many.parameters[:, 2]).any()


def test_a_path_is_what_its_strengths_give_alone():
    sums = statistics(12, K, D)
    penalty = Dirty(4.0, 1.0)
    strengths = [0.5, 8.0, 2.0]
    for strength, found in zip(strengths, path(sums, penalty, strengths), strict=True):
        alone = certified(sums, Dirty(strength, strength / 4))
        assert bool(found.certified)
        assert float(found.objective) == pytest.approx(
            float(alone.objective), abs=float(alone.tolerance)
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlockSparse(-1.0), r"strength must be finite and >= 0, got -1"),
        (lambda: TraceNorm(np.nan), r"strength must be finite and >= 0, got nan"),
        (lambda: SquaredTraceNorm(1.0, -2.0), r"ridge must be finite and >= 0, got -2"),
        (lambda: BlockSparse(1.0, 3), r"power must be one of .* got 3"),
        (lambda: Dirty(1.0, -0.5), r"own must be finite and >= 0, got -0.5"),
        (lambda: Dirty("a", 1.0), r"block must be real numbers, got 'a'"),
        (lambda: ClusteredPenalty(0, 1.0, 1.0, 1.0), r"clusters .* got 0"),
        (lambda: ClusteredPenalty(2, 0.0, 1.0, 1.0), r"mean .* > 0, got 0"),
        (lambda: ClusteredPenalty(2, 1.0, 2.0, 1.0), r"within must be .* got 1"),
        (lambda: TensorTraceNorm([1.0, 2.0], (2, 2)), r"strengths must be 3"),
        (lambda: TensorTraceNorm([1.0, 2.0, 1.0], (2, 0)), r"grid\[1\] .* got 0"),
        (lambda: TensorTraceNorm([1.0, 2.0, 1.0], (4,)), r"grid must be two"),
        (lambda: solved(ClusteredPenalty(5, 1.0, 1.0, 2.0)), r"clusters .* got 5"),
        (lambda: solved(TensorTraceNorm([1.0] * 3, (2, 3))), r"grid \(2, 3\) has 6"),
        (lambda: solved(BlockSparse(np.ones(2))), r"strength must be one number"),
        (lambda: solved(TraceNorm(1.0), weights=[1, 1]), r"weights must be .* 4"),
        (lambda: solved(TraceNorm(1.0), tolerance=0.0), r"tolerance .* got 0"),
        (lambda: solved(TraceNorm(1.0), start=np.ones((2, 2))), r"start must be 4 x 3"),
        (lambda: path(statistics(3, K, D), TraceNorm(1.0), [1, -1]), r"strengths\[1\]"),
        (lambda: path(statistics(3, K, D), PENALTIES["clusters"], [1.0]), "three"),
        (lambda: Dirty(0.0, 1.0).at(1.0), r"block must be finite and > 0"),
    ],
)
def test_a_bad_argument_is_named_with_its_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def solved(penalty: Penalty, **arguments: Any) -> PenalisedOptimum:
    return penalised_optimum(statistics(3, K, D), penalty, **arguments)
