import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims import noisy_copy
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from tests.paper_checks.few import Few

KEYS = jax.random.split(jax.random.key(0), 8)
NOISE = 10.0 ** jnp.linspace(-1, 2, len(KEYS))


@pytest.fixture(scope="module")
def curves() -> tuple[np.ndarray, np.ndarray]:
    """Of eight draws, as the clean task's weight grows and as the copy's does."""
    problems, theta = jax.vmap(noisy_copy.problem)(KEYS, NOISE)
    over = jax.jit(jax.vmap(noisy_copy.cosines, in_axes=(0, 0, None)))
    grids = jnp.asarray(noisy_copy.CLEAN_GROWS), jnp.asarray(noisy_copy.COPY_GROWS)
    clean, copy = (over(problems, theta, grid) for grid in grids)
    return np.asarray(clean), np.asarray(copy)


@pytest.mark.long
def test_the_cosine_grows_to_one_with_the_clean_tasks_weight(curves):
    assert not noisy_copy.breaks(jnp.asarray(curves[0])).any()


@pytest.mark.long
def test_it_does_not_with_the_copys_weight(curves):
    assert noisy_copy.breaks(jnp.asarray(curves[1])).all()


@pytest.mark.long
@pytest.mark.parametrize("place", [0, 7, -1])
@pytest.mark.parametrize("planted", [np.nan, -2.0])
def test_notices_a_planted_wrong_value(curves, place, planted):
    spoiled = curves[0].copy()
    spoiled[2, place] = planted if place != 0 or np.isnan(planted) else 2.0
    found = noisy_copy.breaks(jnp.asarray(spoiled)).tolist()
    assert found == [row == 2 for row in range(len(KEYS))]


def test_a_curve_must_end_at_one():
    short = jnp.asarray([[0.1, 0.5, 0.9], [0.1, 0.5, 1 - 1e-9], [0.5, 0.4, 1.0]])
    assert noisy_copy.breaks(short).tolist() == [True, False, True]


def test_the_copy_has_the_clean_tasks_rows_unless_they_are_dropped():
    same, _ = noisy_copy.problem(KEYS[0], 1.0)
    other, _ = noisy_copy.problem(KEYS[0], 1.0, common=False)
    assert (same.gram[0] == same.gram[1]).all()
    assert not jnp.allclose(other.gram[0], other.gram[1])


@pytest.mark.long
def test_the_claim_is_measured(tmp_path):
    found = noisy_copy.find(Few(results=tmp_path))
    assert found.verdict is Verdict.HOLDS
    assert found.controls[0].noticed == 8
    assert isinstance(Few(), Settings)
