"""The descent: on few rows, in any units, and stopped before its end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.strategies import rows, statistics
from theory.penalised import (
    BlockSparse,
    Dirty,
    TraceNorm,
    largest_strength,
    loop,
    penalised_optimum,
)
from theory.penalised.descent import descend
from theory.penalised.duality import Problem
from theory.penalised.optimum import has_common_gram
from theory.penalised.working_set import descend_on_rows
from theory.tasks import TaskStatistics

K, D = 4, 3


@pytest.mark.parametrize(
    "penalty",
    [BlockSparse(2.0, 1), BlockSparse(2.0), BlockSparse(2.0, np.inf), Dirty(2.0, 1.0)],
)
def test_units_of_inputs_do_not_matter_to_sums_over_features(penalty):
    """One step for all features needs a million of them here, and stopped far off."""
    covariates, labels = rows(3, K, D)
    scaled = [x * np.geomspace(1, 1e4, D) for x in covariates]
    found = penalised_optimum(TaskStatistics.from_data(scaled, labels), penalty)
    # Rounding in these units leaves some 1e-12; one step for all leaves a hundredth.
    assert float(found.gap) <= 1e-10 * sum(np.sum(y**2) for y in labels)
    assert int(found.steps) < 10_000


def wide(kind: str) -> tuple[Problem, TaskStatistics]:
    """Eight of 150 features matter; more than one round, and one that is not sparse."""
    rng = np.random.default_rng(13)
    k, d, m = 3, 150, 60
    shared = rng.normal(size=(m, d))
    covariates = [
        shared if kind == "common" else rng.normal(size=(m, d)) for _ in "abc"
    ]
    truth = rng.normal(size=(k, d)) * (np.arange(d) < 8)
    labels = [
        x @ w + rng.normal(size=m) for x, w in zip(covariates, truth, strict=True)
    ]
    sums = TaskStatistics.from_data(covariates, labels)
    common = has_common_gram(sums)
    assert common == (kind == "common")
    return Problem.of(sums, jnp.ones(k), common=common), sums


@pytest.mark.long
@pytest.mark.parametrize("kind", ["common", "own"])
@pytest.mark.parametrize("share", [0.3, 0.02])
def test_few_rows_lead_to_the_optimum_of_all(kind, share):
    problem, sums = wide(kind)
    for penalty in (BlockSparse(1.0), Dirty(1.0, 0.5)):
        chosen = penalty.at(share * float(largest_strength(sums, penalty)))
        zero, close = jnp.zeros((3, 150)), jnp.asarray(1e-13)
        few = descend_on_rows(problem, chosen, zero, close)
        everything = descend(problem, chosen, zero, close)
        found = penalised_optimum(sums, chosen)
        assert bool(found.certified), found.describe()
        apart = float(few.best.objective - everything.best.objective)
        assert abs(apart) <= float(found.tolerance)


def test_a_solver_that_is_stopped_says_so(monkeypatch):
    monkeypatch.setattr(loop, "MOST", 10)
    jax.clear_caches()
    found = penalised_optimum(statistics(3, K, D, "condition"), TraceNorm(1e-3))
    assert not bool(found.certified)
    assert float(found.lower_bound) < float(found.objective)
    assert "not certified" in found.describe()
    jax.clear_caches()
