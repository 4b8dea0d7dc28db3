from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims import proposition_1
from paper_checks.judge.verdict import Verdict
from paper_checks.studies.problems import random_problem
from simulations.training import Trained
from tests.paper_checks.few import Few
from tests.strategies import join, rows, statistics
from theory.linear import SharedOptimum, one_less_optimum, shared_optimum
from theory.tasks import TaskStatistics

K, D = 2, 4
PROBLEMS = join(*(statistics(seed, K, D) for seed in range(4)))
KEYS = jax.random.split(jax.random.key(0), 4)


@pytest.fixture(scope="module")
def wide() -> proposition_1.Comparison:
    return proposition_1.compare(PROBLEMS, KEYS, width=K)


def test_holds_as_soon_as_the_module_is_as_wide_as_the_tasks(wide):
    assert wide.check.holds.all(), wide.check
    assert (wide.distance < 1e-4).all()


def test_breaks_when_the_module_is_narrower():
    assert not proposition_1.compare(PROBLEMS, KEYS, width=K - 1).check.holds.any()


@pytest.mark.parametrize("planted", [1 - 1e-6, 1 + 1e-6, np.nan])
def test_notices_a_planted_wrong_loss(wide, monkeypatch, planted):
    found = Trained(
        shared=jnp.ones((4, D, K)),
        heads=jnp.ones((4, K, K)),
        loss=planted * wide.check.lhs,
        losses=jnp.ones((4, 4)),
        gradient=jnp.zeros(4),
        steps=jnp.ones((4, 4), int),
        status=jnp.zeros((4, 4), int),
        dead=jnp.zeros((4, 4), int),
    )
    monkeypatch.setattr(proposition_1, "train_each", lambda *_, **__: found)
    false = proposition_1.compare(PROBLEMS, KEYS, width=K)
    assert not false.check.holds.any()
    assert (false.distance > 1e-2).all()


@pytest.fixture(scope="module")
def closed() -> SharedOptimum:
    return jax.vmap(partial(shared_optimum, width=K))(PROBLEMS)


def test_tasks_apart_are_least_squares_on_rows():
    covariates, labels = rows(0, K, D)
    apart = proposition_1.trained_apart(
        join(TaskStatistics.from_data(covariates, labels))
    )
    for i, (x, y) in enumerate(zip(covariates, labels, strict=True)):
        expected, lost, _, singular = np.linalg.lstsq(x, y)
        np.testing.assert_allclose(apart.parameters[0, i], expected, rtol=1e-10)
        np.testing.assert_allclose(apart.losses[0, i], lost[0], rtol=1e-10)
        condition = (singular[0] / singular[-1]) ** 2
        np.testing.assert_allclose(apart.condition[0, i], condition, rtol=1e-8)


def test_with_few_rows_tasks_apart_fit_them_and_are_not_unique():
    covariates, labels = rows(0, K, D, "few rows")
    apart = proposition_1.trained_apart(
        join(TaskStatistics.from_data(covariates, labels))
    )
    for i, (x, y) in enumerate(zip(covariates, labels, strict=True)):
        np.testing.assert_allclose(x @ apart.parameters[0, i], y, rtol=1e-8)
    assert np.isinf(apart.condition).all()


@pytest.mark.parametrize("width", [K, K + 1])
@pytest.mark.parametrize("kind", ["plain", "few rows"])
def test_closed_forms_are_the_tasks_apart_once_the_module_is_as_wide(kind, width):
    tasks = join(*(statistics(seed, K, D, kind) for seed in range(4)))
    optima = jax.vmap(partial(shared_optimum, width=width))(tasks)
    found = proposition_1.compare_closed_form(tasks, optima)
    assert found.loss.holds.all(), found.loss
    assert found.parameters.holds.all(), found.parameters


@pytest.mark.long
def test_closed_forms_are_others_when_the_module_is_narrower():
    narrow = jax.vmap(partial(one_less_optimum, bounded=False))(
        PROBLEMS, jnp.ones((4, K))
    )
    found = proposition_1.compare_closed_form(PROBLEMS, narrow)
    assert not found.loss.holds.any()
    assert not found.parameters.holds.any()


@pytest.mark.parametrize("planted", [1 - 1e-10, 1 + 1e-10, np.nan])
def test_notices_a_planted_wrong_closed_form(closed, planted):
    wrong = eqx.tree_at(lambda found: found.loss, closed, planted * closed.loss)
    found = proposition_1.compare_closed_form(PROBLEMS, wrong)
    assert not found.loss.holds.any()
    assert found.parameters.holds.all()
    # One task of two is enough.
    heads = closed.heads.at[:, 1].multiply(planted)
    wrong = eqx.tree_at(lambda found: found.heads, closed, heads)
    found = proposition_1.compare_closed_form(PROBLEMS, wrong)
    assert found.loss.holds.all()
    assert not found.parameters.holds.any()


@pytest.mark.long
def test_drawn_problems_have_one_gram_matrix_if_they_are_to():
    draw = jax.jit(random_problem, static_argnums=(1, 2, 3), static_argnames="common")
    common, own = (draw(KEYS[0], 3, D, 9, common=shared) for shared in (True, False))
    assert np.ptp(np.asarray(common.gram), axis=0).max() == 0
    assert np.ptp(np.asarray(own.gram), axis=0).min() > 0
    assert np.linalg.matrix_rank(np.asarray(common.moment)) == 3


@pytest.mark.long
def test_the_claim_is_measured(tmp_path):
    found = proposition_1.find(Few(results=tmp_path))
    assert found.verdict is Verdict.HOLDS
    assert [control.noticed for control in found.controls] == [8, 8, 8, 1, 1]
    assert found.measurements[0].n == 16
