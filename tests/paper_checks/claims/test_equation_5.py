import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from paper_checks.claims.equation_5 import CLAIM, LOST, score
from paper_checks.judge.verdict import Verdict
from paper_checks.studies import turned_rows
from paper_checks.studies.turned_rows import from_rows
from tests.paper_checks.few import Few
from tests.strategies import SEED

DRAW = jax.jit(turned_rows.one_rotation)
TURNED = jax.jit(turned_rows.turned)


def turned_back(p):
    turn = p.turn.at[1].set(p.turn[1].T)
    return score(p._replace(turn=turn))


MUTANTS = {("W-E5", "turned back"): turned_back}


@given(seed=SEED)
@settings(max_examples=30)
def test_one_rotation_of_both_tasks_changes_nothing_and_any_other_matrix_does(seed):
    keys = jax.random.key(seed)[None]
    rows = DRAW(keys)
    assert TURNED(rows, keys).holds.all()
    straight = jnp.eye(turned_rows.DIMENSION)[None]
    assert not TURNED(rows._replace(first=straight), keys).holds.any()
    stretched = rows.first * jnp.linspace(1, 2, turned_rows.DIMENSION)
    both = rows._replace(first=stretched, second=stretched)
    assert not TURNED(both, keys).holds.any()


def test_the_score_of_rows_is_eq_5_by_hand():
    # Eigenvalues (4, 0) and (1, 1): tr(H_1H_2) = 4, and √(4/(4·2)).
    x1, x2 = np.array([[2.0, 0.0], [0.0, 0.0]]), np.eye(2)
    assert from_rows(x1, x2) == pytest.approx(np.sqrt(0.5))


def test_attacked_instances_have_the_score_of_rows_and_the_gaps_of_their_spectra():
    statement = CLAIM.attacked
    latent = statement.draw_latent(jax.random.key(5))
    turned = jax.jit(statement.build)(latent, 0)
    gram, turn = np.asarray(turned.gram), np.asarray(turned.turn)
    x = [np.linalg.cholesky(gram[i]).T @ turn[i] for i in range(2)]
    assert float(score(turned)) == pytest.approx(from_rows(*x), rel=1e-9)
    values = np.linalg.eigvalsh(gram)
    shares = values / values.sum(axis=1, keepdims=True)
    for share, gap in zip(shares, np.asarray(turned.ranks(LOST)[1]), strict=True):
        lost = int(np.sum(np.cumsum(share) <= LOST))
        assert gap == pytest.approx(1 - (share[lost - 1] / share[lost] if lost else 0))


@pytest.mark.parametrize("planted", [1 + 1e-9, np.nan])
def test_notices_a_planted_wrong_score(monkeypatch, planted):
    right = turned_rows.from_rows
    monkeypatch.setattr(turned_rows, "from_rows", lambda a, b: planted * right(a, b))
    found = dataclasses.replace(CLAIM, formula=None).find(Few())
    assert found.verdict is Verdict.FAILS
    assert found.measurements[0].value == 1
