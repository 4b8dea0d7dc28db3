import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from paper_checks.claims.equation_4 import CLAIM
from paper_checks.judge.matrices import NOTHING
from paper_checks.judge.statement import NONE
from paper_checks.studies import one_direction
from paper_checks.studies.one_direction import at_optimum, explained
from tests.strategies import SEED
from theory.linear import SharedOptimum, two_task_optimum
from theory.tasks import Tasks

K, D, M = 2, 4, 9
OPTIMUM = jax.jit(two_task_optimum)
CHECK_OPTIMUM = jax.jit(at_optimum, static_argnames="width")


def no_square(x, y, b, weights):
    seen = x @ b
    size = jnp.linalg.norm(seen, axis=1) + NOTHING
    return weights @ (jnp.sum(seen * y, 1) / size)


def no_norm(x, y, b, weights):
    return weights @ jnp.sum((x @ b) * y, 1) ** 2


def labels_of_the_other(x, y, b, weights):
    return explained(x, y[::-1], b, weights)


def weights_left_out(x, y, b, weights):
    return explained(x, y, b, jnp.ones(2))


MUTANTS = {
    ("W-E4", "no square"): no_square,
    ("W-E4", "no norm"): no_norm,
    ("W-E4", "labels of the other"): labels_of_the_other,
    ("W-E4", "weights left out"): weights_left_out,
}


@pytest.mark.parametrize("dropped", [NONE, 1])
def test_what_is_fitted_is_least_squares_on_rows(dropped):
    statement = CLAIM.attacked
    latent = statement.draw_latent(jax.random.key(5))
    at = jax.jit(statement.build)(latent, dropped)
    here, lost = jax.device_get(at), 0.0
    tasks = zip(here.covariates, here.labels, here.weights, strict=True)
    for x, y, weight in tasks:
        seen = x @ here.module[:, :1]
        seen = seen if dropped == NONE else np.maximum(seen, 0)
        lost += weight * np.sum((y - seen @ np.linalg.lstsq(seen, y)[0]) ** 2)
    assert float(at.loss()) == pytest.approx(lost, rel=1e-9)


def drawn(seed: int) -> tuple[Tasks, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(M - i, D)) for i in range(K)]
    labels = [x @ rng.normal(size=D) + rng.normal(size=len(x)) for x in rows]
    weights = 10 ** rng.uniform(-1, 1, K)
    return Tasks.from_data(rows, labels), weights, rng.normal(size=(16, D))


@given(seed=SEED)
@settings(max_examples=20)
def test_the_certified_optimum_is_the_best_direction_only_at_width_1(seed):
    found = CHECK_OPTIMUM(*drawn(seed))
    assert found.holds, found
    wide = CHECK_OPTIMUM(*drawn(seed), width=2)
    # Wider, it is what eq 4 has for each task apart, which no one direction reaches.
    assert not wide.holds
    assert wide.lhs < wide.rhs


def holds_with(monkeypatch, false: SharedOptimum, tasks, weights, others) -> bool:
    monkeypatch.setattr(one_direction, "two_task_optimum", lambda *_: false)
    return bool(at_optimum(tasks, jnp.asarray(weights), jnp.asarray(others)).holds)


@pytest.mark.long
def test_notices_planted_wrong_optima(monkeypatch):
    tasks, weights, others = drawn(0)
    best = OPTIMUM(tasks.statistics(), weights)
    assert holds_with(monkeypatch, best, tasks, weights, others)
    for change in (1 - 1e-6, 1 + 1e-6, np.nan):
        false = dataclasses.replace(best, loss=change * best.loss)
        assert not holds_with(monkeypatch, false, tasks, weights, others)
    # A worse module with its own loss: another direction exceeds it.
    worse = jnp.asarray(others[:1].T)
    energy = weights @ np.sum(np.asarray(tasks.labels) ** 2, axis=1)
    rows = tasks.covariates, tasks.labels
    loss = energy - explained(*rows, worse[:, 0], jnp.asarray(weights))
    assert loss > best.loss
    false = dataclasses.replace(best, shared=worse, loss=loss)
    others[0] = best.shared[:, 0]
    assert not holds_with(monkeypatch, false, tasks, weights, others)
