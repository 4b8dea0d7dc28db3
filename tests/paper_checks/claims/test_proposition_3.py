import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings

from paper_checks.claims import proposition_3
from paper_checks.judge.check import Check
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from paper_checks.studies.problems import random_problem
from tests.strategies import SEED

K, D, M, R = 3, 6, 30, 2
CLOSED = jax.jit(proposition_3.check_closed_form, static_argnums=2)
COMMON = jax.jit(lambda key: random_problem(key, K, D, M, common=True))
OWN = jax.jit(lambda key: random_problem(key, K, D, M))


@given(seed=SEED)
@settings(max_examples=15)
def test_holds_for_tasks_of_one_matrix_and_any_weights(seed):
    weights = 10 ** np.random.default_rng(seed).uniform(-1, 1, K)
    found = CLOSED(COMMON(jax.random.key(seed)), jnp.asarray(weights), R)
    assert found.holds, found


@pytest.mark.parametrize("weights", [np.array([1.0, 1.0, 9.0])])
def test_breaks_for_other_weights_than_those_of_the_optimum(weights, monkeypatch):
    right = proposition_3.proposition_3_span
    monkeypatch.setattr(
        proposition_3,
        "proposition_3_span",
        lambda gram, moment, rank, _: right(gram, moment, rank),
    )
    found = proposition_3.check_closed_form(
        COMMON(jax.random.key(0)), jnp.asarray(weights), R
    )
    assert not found.holds


def test_a_tie_leaves_the_span_open():
    tied = proposition_3.tied_problem(jax.random.key(0))
    span = proposition_3.proposition_3_span(tied.gram[0], tied.moment, R)
    assert span.gap < 1e-12


def real(angle, gap, condition: float = 1e3) -> xr.Dataset:
    values = {"angle": ("width", angle), "gap": ("width", gap)}
    return xr.Dataset(
        values | {"condition": condition}, attrs={"dimension": proposition_3.DIMENSION}
    )


def test_real_angles_are_held_to_their_gap_and_condition():
    angle, gap = [1e-14, 1e-6, np.nan], [0.1, 0.1, 0.1]
    assert proposition_3._real(real(angle, gap)).holds.tolist() == [True, False, False]
    loose = proposition_3._real(real(angle, gap, 1e9))
    assert loose.holds.tolist() == [True, True, False]
    # So ill-conditioned that nothing can be said.
    (found,) = proposition_3.judged(proposition_3._real(real(angle, gap, 1e14)))
    assert found.count == 0


def angles(lhs, tolerance) -> Check:
    left, room = jnp.asarray(lhs, float), jnp.asarray(tolerance, float)
    return Check(left, jnp.zeros(len(left)), room, "==", "source")


def test_what_is_judged_can_fail():
    """The largest angle of all, π/2, breaks whatever is judged."""
    gap = 10.0 ** np.linspace(-20, 0, 41)
    data = real(np.full(41, np.pi / 2), gap)
    (found,) = proposition_3.judged(proposition_3._real(data))
    assert found.broken == found.count == np.sum(gap > 1.3e-11)
    tied = proposition_3.tied_problem(jax.random.key(0))
    room = CLOSED(tied, jnp.ones(K), R).tolerance
    (found,) = proposition_3.judged(angles([1.0], [room]))
    assert found.count == 0


def test_an_instance_is_judged_by_all_checks_or_none():
    first = angles([0.0, 1.0, 2.0, 3.0], [1e-3, 1e-3, np.inf, np.nan])
    second = angles([4.0, 5.0, 6.0, 7.0], [1e-3, 0.2, 1e-3, 1e-3])
    one, other = proposition_3.judged(first, second)
    assert one.lhs.tolist() == [0, 3]
    assert other.lhs.tolist() == [4, 7]
    assert one.broken == 1  # a NaN is not left out


@pytest.mark.long
def test_trained_spans_are_predicted_only_for_one_matrix_without_ties():
    keys = jax.random.split(jax.random.key(1), 8)
    ones = jnp.ones((8, K))
    common = proposition_3.check_trained(jax.vmap(COMMON)(keys), ones, R, keys)
    assert common.holds.all(), common
    own = proposition_3.check_trained(jax.vmap(OWN)(keys), ones, R, keys)
    assert not own.holds.any()
    tied = jax.vmap(proposition_3.tied_problem)(keys)
    assert (proposition_3.check_trained(tied, ones, R, keys).lhs > 1e-2).any()


@pytest.mark.long
def test_the_claim_is_measured(tmp_path):
    found = proposition_3.find(Settings(results=tmp_path))
    assert found.verdict is Verdict.HOLDS
    assert "digits" in found.data
    assert found.measurements[1].value == 0
    assert "0 draws and 0 real widths are not judged" in found.reason
