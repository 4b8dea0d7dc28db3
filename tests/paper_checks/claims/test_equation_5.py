import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from paper_checks.claims import equation_5
from paper_checks.judge.verdict import Verdict
from tests.paper_checks.few import Few, spared
from tests.strategies import SEED

CHECK = jax.jit(equation_5.check_rotation)
DRAW = jax.jit(equation_5._draw)


@given(seed=SEED)
@settings(max_examples=30)
def test_holds_for_a_rotation_of_both_tasks(seed):
    x1, x2, turn, _ = DRAW(jax.random.key(seed))
    found = CHECK(x1, x2, turn, turn)
    assert found.holds, found


@given(seed=SEED)
@settings(max_examples=30)
def test_breaks_for_a_rotation_of_one_task(seed):
    x1, x2, turn, _ = DRAW(jax.random.key(seed))
    assert not CHECK(x1, x2, jnp.eye(len(turn)), turn).holds


def test_breaks_for_what_is_no_rotation():
    x1, x2, turn, _ = DRAW(jax.random.key(0))
    stretched = turn * jnp.linspace(1, 2, len(turn))
    assert not CHECK(x1, x2, stretched, stretched).holds


def test_the_score_of_rows_is_eq_5_by_hand():
    # Eigenvalues (4, 0) and (1, 1): tr(H_1H_2) = 4, and √(4/(4·2)).
    x1, x2 = np.array([[2.0, 0.0], [0.0, 0.0]]), np.eye(2)
    assert equation_5.from_rows(x1, x2) == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("planted", [1 + 1e-9, np.nan])
def test_notices_a_planted_wrong_score(monkeypatch, planted):
    right = equation_5.from_rows
    monkeypatch.setattr(equation_5, "from_rows", lambda a, b: planted * right(a, b))
    monkeypatch.setattr(equation_5, "attack", spared)
    found = equation_5.find(Few())
    assert found.verdict is Verdict.FAILS
    assert found.measurements[0].value == 1


def test_an_attack_that_breaks_it_makes_it_fail(monkeypatch):
    monkeypatch.setattr(equation_5, "attack", partial(spared, refuted=True))
    found = equation_5.find(Few())
    assert found.verdict is Verdict.FAILS
    assert found.measurements[0].value == 0
    assert found.attack is not None
    assert found.attack.used == "0.5 of rounding"


@pytest.mark.long
def test_the_claim_is_measured(tmp_path):
    found = equation_5.find(Few(results=tmp_path))
    assert found.verdict is Verdict.HOLDS
    control, *attacked = found.controls
    assert control.noticed == control.instances == found.measurements[0].n == 8
    assert [entry.noticed for entry in attacked] == [1, 1, 1]
    assert dataclasses.asdict(found)["seed"] == 0
