"""What every system keeps to: scikit-learn's contract, objective, bracket, refusals."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from simulations.systems.registry import registered
from simulations.systems.system import System
from tests.simulations.systems.contract import BAD, GOOD, PENALTY, made
from tests.strategies import rows
from theory.tasks import TaskStatistics

X, Y = rows(11, 4, 3)
WEIGHTS = np.array([1.0, 0.5, 2.0, 3.0])
LEVELS = np.array([5.0, -3.0, 0.0, 100.0])


@pytest.fixture(scope="module")
def fitted() -> dict[str, System]:
    return {name: made(name).fit(X, Y, weights=WEIGHTS) for name in GOOD}


def test_the_contract_has_every_system():
    assert list(registered()) == sorted(GOOD) == sorted(PENALTY)


@pytest.mark.parametrize("name", GOOD)
def test_a_constructor_only_stores(name: str):
    system = made(name)
    for field, value in GOOD[name].items():
        assert getattr(system, field) is value
    copied: Any = clone(system)
    assert repr(copied) == repr(system)
    assert copied.set_params(fit_intercept=True).get_params()["fit_intercept"] is True


@pytest.mark.parametrize("name", GOOD)
def test_the_objective_is_that_of_the_rows_and_its_bracket_is_closed(
    name: str, fitted: dict[str, Any]
):
    system = fitted[name]
    assert system.coef_.shape == (4, 3)
    assert not system.intercept_.any()
    losses = [
        np.sum((x @ w - y) ** 2) for x, w, y in zip(X, system.coef_, Y, strict=True)
    ]
    ridge = getattr(system, "ridge", 0) / 2 * np.sum(system.coef_**2)
    penalty = PENALTY[name](system, system.coef_) + ridge
    assert system.loss_ == pytest.approx(WEIGHTS @ losses, rel=1e-12)
    expected = system.loss_ / 2 + penalty
    assert system.objective_ == pytest.approx(expected, rel=1e-11)
    assert system.gap_ == system.objective_ - system.lower_bound_ >= 0
    assert system.certified_
    assert system.gap_ <= system.tolerance_
    assert system.tolerance_ <= 1e-8 * system.objective_
    assert "certified" in system.describe()


@pytest.mark.parametrize("name", GOOD)
def test_statistics_are_as_good_as_rows(name: str, fitted: dict[str, Any]):
    statistics = TaskStatistics.from_data(X, Y)
    other = made(name).fit_statistics(statistics, weights=WEIGHTS)
    np.testing.assert_array_equal(other.coef_, fitted[name].coef_)
    with pytest.raises(ValueError, match=r"fit_intercept must be False .* got True"):
        made(name, fit_intercept=True).fit_statistics(statistics)


@pytest.mark.parametrize("name", GOOD)
def test_levels_of_labels_and_inputs_change_intercepts_alone(name: str):
    plain = made(name, fit_intercept=True).fit(X, Y)
    moved = made(name, fit_intercept=True).fit(
        [x + level for x, level in zip(X, LEVELS, strict=True)],
        [y + level for y, level in zip(Y, LEVELS, strict=True)],
    )
    np.testing.assert_allclose(moved.coef_, plain.coef_, atol=1e-6)
    for x, y, found in zip(X, Y, plain.predict(X), strict=True):
        assert found.mean() == pytest.approx(y.mean(), abs=1e-9)
        assert found.shape == (len(x),)
    expected = plain.intercept_ + LEVELS * (1 - plain.coef_.sum(axis=1))
    np.testing.assert_allclose(moved.intercept_, expected, atol=1e-4)


# These give tasks a place: a cluster, a row of a graph, a cell of a grid.
PLACED = {"KnownClusters", "SoftSharing", "TensorTraceNorm"}


@pytest.mark.parametrize("name", sorted(set(GOOD) - PLACED))
def test_the_order_of_tasks_does_not_matter(name: str, fitted: dict[str, Any]):
    order = np.array([2, 0, 3, 1])
    turned: Any = made(name).fit(
        [X[i] for i in order], [Y[i] for i in order], weights=WEIGHTS[order]
    )
    expected = fitted[name]
    np.testing.assert_allclose(turned.coef_, expected.coef_[order], atol=1e-6)
    if expected.relation_ is not None:
        relation = expected.relation_[np.ix_(order, order)]
        np.testing.assert_allclose(turned.relation_, relation, atol=1e-5)


@pytest.mark.parametrize("name", GOOD)
def test_a_weight_counts_rows_more_than_once(name: str, fitted: dict[str, Any]):
    scaled = [
        np.sqrt(weight) * np.column_stack([x, y])
        for weight, x, y in zip(WEIGHTS, X, Y, strict=True)
    ]
    other = made(name).fit([s[:, :-1] for s in scaled], [s[:, -1] for s in scaled])
    np.testing.assert_allclose(other.coef_, fitted[name].coef_, atol=1e-6)


@pytest.mark.parametrize(("name", "changed", "message"), BAD)
def test_a_bad_parameter_is_named_with_its_value(name: str, changed: Any, message: str):
    with pytest.raises(ValueError, match=message):
        made(name, **changed).fit(X, Y)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": [1, -1, 1, 1]}, "task 1: weights must be finite and >= 0, got -1"),
        ({"labels": Y[:3]}, "covariates has 4 tasks and labels has 3"),
        ({"covariates": [*X[:3], np.nan * X[3]]}, "task 3: covariates has nan"),
        ({"labels": [0 * Y[0], *Y[1:]]}, "task 0: labels are constant"),
    ],
)
@pytest.mark.parametrize("intercept", [False, True])
def test_bad_rows_are_named(name: str, changed: Any, message: str, intercept: bool):
    with pytest.raises(ValueError, match=message):
        made(name, fit_intercept=intercept).fit(
            **{"covariates": X, "labels": Y, **changed}
        )


def test_predicting_other_tasks_is_refused(fitted: dict[str, Any]):
    with pytest.raises(ValueError, match="covariates has 3 tasks, fitted were 4"):
        fitted["Pooled"].predict(X[:3])
    with pytest.raises(ValueError, match=r"task 0: covariates must be m x 3, got"):
        fitted["Pooled"].predict([X[0][:, :2], *X[1:]])


def test_the_score_is_the_mean_over_tasks(fitted: dict[str, Any]):
    system = fitted["MeanRegularised"]
    shares = [
        1 - np.sum((x @ w - y) ** 2) / np.sum((y - y.mean()) ** 2)
        for x, w, y in zip(X, system.coef_, Y, strict=True)
    ]
    assert system.score(X, Y) == pytest.approx(np.mean(shares), rel=1e-12)


@pytest.mark.parametrize("name", ["FeatureLearning", "TaskRelations"])
def test_the_relation_has_trace_one_and_gives_the_penalty(name: str, fitted: Any):
    system, relation = fitted[name], fitted[name].relation_
    assert np.trace(relation) == pytest.approx(1, rel=1e-12)
    tied = np.trace(system.coef_.T @ np.linalg.pinv(relation, 1e-10) @ system.coef_)
    expected = PENALTY[name](system, system.coef_)
    assert system.strength / 2 * tied == pytest.approx(expected, rel=1e-9)
