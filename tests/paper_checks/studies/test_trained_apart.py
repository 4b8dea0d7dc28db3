"""What W-P1 measures: losses and parameters of a wide module beside single tasks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.studies import trained_apart as apart
from paper_checks.studies.problems import random_problem
from tests.strategies import join, rows
from theory.tasks import TaskStatistics

K, D = apart.TASKS, apart.DIMENSION
KEYS = jax.random.split(jax.random.key(0), 4)


@pytest.fixture(scope="module")
def drawn() -> apart.Drawn:
    return apart.Drawn(20, KEYS)


def test_holds_as_soon_as_the_module_is_as_wide_as_the_tasks_and_not_below(drawn):
    assert apart.trained_losses(drawn, K).holds.all()
    assert (apart.trained_parameters(drawn, K).lhs < 1e-4).all()
    assert not apart.trained_losses(drawn, K - 1).holds.any()


@pytest.mark.parametrize("planted", [1 - 1e-4, 1 + 1e-4, np.nan])
def test_notices_a_planted_wrong_training(drawn, monkeypatch, planted):
    right = drawn.trained(K)
    wrong = eqx.tree_at(
        lambda found: (found.loss, found.heads),
        right,
        (planted * right.loss, jnp.ones_like(right.heads)),
    )
    monkeypatch.setattr(drawn, "trained", lambda _: wrong)
    assert not apart.trained_losses(drawn, K).holds.any()
    assert (apart.trained_parameters(drawn, K).lhs > 1e-2).all()


def test_single_tasks_are_least_squares_on_rows():
    covariates, labels = rows(0, 2, 4)
    single = apart.single_tasks(join(TaskStatistics.from_data(covariates, labels)))
    for i, (x, y) in enumerate(zip(covariates, labels, strict=True)):
        expected, lost, _, singular = np.linalg.lstsq(x, y)
        np.testing.assert_allclose(single.parameters[0, i], expected, rtol=1e-10)
        np.testing.assert_allclose(single.losses[0, i], lost[0], rtol=1e-10)
        condition = (singular[0] / singular[-1]) ** 2
        np.testing.assert_allclose(single.condition[0, i], condition, rtol=1e-8)


def test_with_few_rows_single_tasks_fit_them_and_are_not_unique():
    covariates, labels = rows(0, 2, 4, "few rows")
    single = apart.single_tasks(join(TaskStatistics.from_data(covariates, labels)))
    for i, (x, y) in enumerate(zip(covariates, labels, strict=True)):
        np.testing.assert_allclose(x @ single.parameters[0, i], y, rtol=1e-8)
    assert np.isinf(single.condition).all()


@pytest.mark.parametrize("samples", [20, 4])
def test_closed_forms_are_single_tasks_once_the_module_is_as_wide(drawn, samples):
    found = drawn if samples == 20 else apart.Drawn(samples, KEYS)
    for width in (K, K + 1):
        assert apart.closed_losses(found, width).holds.all()
        assert apart.closed_parameters(found, width).holds.all()


@pytest.mark.long
def test_closed_forms_are_others_when_the_module_is_narrower(drawn):
    assert not apart.closed_losses(drawn, K - 1).holds.any()
    assert not apart.closed_parameters(drawn, K - 1).holds.any()


@pytest.mark.parametrize("planted", [1 - 1e-10, 1 + 1e-10, np.nan])
def test_notices_a_planted_wrong_closed_form(drawn, monkeypatch, planted):
    right = drawn.closed(K)
    wrong = eqx.tree_at(lambda found: found.loss, right, planted * right.loss)
    monkeypatch.setattr(drawn, "closed", lambda _: wrong)
    assert not apart.closed_losses(drawn, K).holds.any()
    assert apart.closed_parameters(drawn, K).holds.all()
    # One task is enough.
    heads = right.heads.at[:, 1].multiply(planted)
    wrong = eqx.tree_at(lambda found: found.heads, right, heads)
    assert apart.closed_losses(drawn, K).holds.all()
    assert not apart.closed_parameters(drawn, K).holds.any()


@pytest.mark.long
def test_drawn_problems_have_one_gram_matrix_if_they_are_to():
    draw = jax.jit(random_problem, static_argnums=(1, 2, 3), static_argnames="common")
    common, own = (draw(KEYS[0], 3, D, 9, common=shared) for shared in (True, False))
    assert np.ptp(np.asarray(common.gram), axis=0).max() == 0
    assert np.ptp(np.asarray(own.gram), axis=0).min() > 0
    assert np.linalg.matrix_rank(np.asarray(common.moment)) == 3
