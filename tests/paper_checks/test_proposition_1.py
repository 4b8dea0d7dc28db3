import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks import proposition_1
from paper_checks.instances import random_problem
from paper_checks.verdict import Verdict
from simulations.training import Trained
from tests.paper_checks.few import Few
from tests.strategies import join, statistics

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
        steps=jnp.ones((4, 4)),
    )
    monkeypatch.setattr(proposition_1, "train_each", lambda *_: found)
    false = proposition_1.compare(PROBLEMS, KEYS, width=K)
    assert not false.check.holds.any()
    assert (false.distance > 1e-2).all()


def test_drawn_problems_have_one_gram_matrix_if_they_are_to():
    draw = jax.jit(random_problem, static_argnums=(1, 2, 3), static_argnames="common")
    common, own = (draw(KEYS[0], 3, D, 9, common=shared) for shared in (True, False))
    assert np.ptp(np.asarray(common.gram), axis=0).max() == 0
    assert np.ptp(np.asarray(own.gram), axis=0).min() > 0
    assert np.linalg.matrix_rank(np.asarray(common.moment)) == 3


@pytest.mark.long
def test_the_claim_is_measured():
    found = proposition_1.find(Few())
    assert found.verdict is Verdict.HOLDS
    assert found.controls[0].noticed == 8
    assert found.measurements[0].n == 16
