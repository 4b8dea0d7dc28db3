"""What each system reduces to, and what it does on degenerate data."""

from typing import Any

import numpy as np
import pytest

from simulations.systems import (
    HardSharing,
    Independent,
    KnownClusters,
    MeanRegularised,
    Pooled,
    SoftSharing,
)
from simulations.systems.block_sparse import BlockSparse
from simulations.systems.clustered import Clustered
from simulations.systems.dirty import Dirty
from simulations.systems.feature_learning import FeatureLearning
from simulations.systems.system import System
from simulations.systems.task_relations import TaskRelations
from simulations.systems.tensor_trace_norm import TensorTraceNorm
from simulations.systems.trace_norm import TraceNorm
from tests.simulations.systems.contract import GOOD, made
from tests.strategies import rows
from theory.risk import soft_sharing_risk

X, Y = rows(11, 4, 3)
INF = np.inf
PAIRS: dict[str, tuple[System, System]] = {
    "pairs are the mean": (SoftSharing(0.75), MeanRegularised(3.0, 0.0)),
    "pairs with ridge": (SoftSharing(0.75, ridge=0.5), MeanRegularised(3.5, 0.5)),
    "a complete graph": (SoftSharing(0.75, np.ones((4, 4))), SoftSharing(0.75)),
    "one known cluster": (
        KnownClusters((3, 3, 3, 3), 0.5, 9.0, 3.0),
        MeanRegularised(3.0, 0.5),
    ),
    "known clusters of one": (
        KnownClusters((0, 1, 2, 3), 0.5, 3.0, 9.0),
        MeanRegularised(3.0, 0.5),
    ),
    "one learnt cluster": (Clustered(1, 0.5, 1.0, 3.0), MeanRegularised(3.0, 0.5)),
    "learnt clusters of one": (Clustered(4, 0.5, 1.0, 3.0), MeanRegularised(1.0, 0.5)),
    "full width": (HardSharing(3), Independent()),
    "no ties": (MeanRegularised(0.0, 0.0), Independent()),
    "dirty, no own part": (Dirty(1.0, 1.5), BlockSparse(1.0, INF)),
    "dirty, no block": (Dirty(8.0, 1.5), BlockSparse(1.5, 1.0)),
    "one unfolding": (TensorTraceNorm((1.5, 0.0, 0.0), (2, 2)), TraceNorm(1.5)),
    "no ridge": (TaskRelations(0.5, 0.0), FeatureLearning(0.5)),
    "no relation": (TaskRelations(0.0, 2.0), MeanRegularised(2.0, 2.0)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_system_reduces_to_another(name: str):
    first, second = (system.fit(X, Y) for system in PAIRS[name])
    assert first.objective_ == pytest.approx(second.objective_, rel=1e-11)
    np.testing.assert_allclose(first.coef_, second.coef_, atol=2e-6)


def test_two_tasks_are_those_of_soft_sharing_in_theory():
    # The bias of the theory is the error on task 2 where labels have no noise.
    x = X[:2]
    theta = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]])
    y = [own @ w for own, w in zip(x, theta, strict=True)]
    grams = np.stack([own.T @ own for own in x])
    for strength in (0.3, 5.0):
        found = SoftSharing(strength).fit(x, y).coef_
        bias = soft_sharing_risk(grams, theta, 0.0, strength).bias
        assert np.sum((found[1] - theta[1]) ** 2) == pytest.approx(
            float(bias), rel=1e-9
        )


def test_strong_ties_pool():
    pooled = Pooled().fit(X, Y).coef_
    for system in (
        SoftSharing(1e10),
        MeanRegularised(1e10),
        KnownClusters((0, 1, 0, 1), 0.0, 1e10, 1e10),
    ):
        np.testing.assert_allclose(system.fit(X, Y).coef_, pooled, atol=1e-7)


def test_the_learnt_clusters_cost_no_more_than_known_ones():
    for assignment in ((0, 1, 1, 1), (0, 0, 1, 1), (0, 1, 0, 1)):
        known = KnownClusters(assignment, 0.5, 1.0, 5.0).fit(X, Y)
        learnt = Clustered(2, 0.5, 1.0, 5.0).fit(X, Y)
        assert learnt.objective_ <= known.objective_ * (1 + 1e-12)


SPOILED: dict[str, Any] = {
    "a zero column": lambda x: x * [1, 0, 1],
    "equal columns": lambda x: x[:, [0, 0, 2]],
    "few rows": lambda x: x[:2],
    "one row": lambda x: x[:1],
}


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(GOOD) - {"HardSharing"}))
@pytest.mark.parametrize("kind", SPOILED)
@pytest.mark.parametrize("intercept", [False, True])
def test_what_is_not_unique_is_still_certified(name: str, kind: str, intercept: bool):
    x = [SPOILED[kind](own) for own in X]
    y = [own[: len(rows_)] for own, rows_ in zip(Y, x, strict=True)]
    found = made(name, fit_intercept=intercept).fit(x, y)
    assert np.isfinite(found.coef_).all()
    assert found.certified_, found.describe()


@pytest.mark.parametrize("strength", ["strength", "deviation", "within", "block"])
def test_without_strength_tasks_are_alone_even_where_they_are_singular(strength: str):
    x = [own[:, [0, 0, 2]] for own in X]
    alone = Independent().fit(x, Y)
    systems: dict[str, System] = {
        "strength": SoftSharing(0.0),
        "deviation": MeanRegularised(0.0, 0.0),
        "within": KnownClusters((0, 0, 1, 1), 0.0, 0.0, 0.0),
        "block": BlockSparse(0.0),
    }
    found = systems[strength].fit(x, Y)
    assert found.objective_ == pytest.approx(alone.objective_, rel=1e-9)
