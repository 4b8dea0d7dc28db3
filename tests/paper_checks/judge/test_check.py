from types import SimpleNamespace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_checks.judge.check import Check

NUMBER = st.floats(-1e6, 1e6)


def check(lhs, rhs, tolerance=1e-9, relation: Literal["<=", "=="] = "==") -> Check:
    sides = np.broadcast_arrays(*(np.asarray(v, float) for v in (lhs, rhs, tolerance)))
    left, right, room = (jnp.asarray(side) for side in sides)
    return Check(left, right, room, relation, "derived here")


@given(value=NUMBER, tolerance=st.floats(1e-6, 1e3), share=st.floats(-0.99, 0.99))
def test_an_equality_holds_within_its_tolerance_on_either_side(value, tolerance, share):
    assert check(value, value + share * tolerance, tolerance).holds


@given(value=NUMBER, tolerance=st.floats(1e-6, 1e3), sign=st.sampled_from([-1, 1]))
def test_a_planted_wrong_value_breaks_an_equality(value, tolerance, sign):
    planted = check(value, value + 1.01 * sign * tolerance, tolerance)
    assert not planted.holds
    assert planted.broken == 1
    assert planted.worst() > 1


@given(value=NUMBER, tolerance=st.floats(1e-6, 1e3))
def test_an_inequality_breaks_on_one_side_only(value, tolerance):
    assert check(value, value + 5 * tolerance, tolerance, "<=").holds
    assert not check(value, value - 1.01 * tolerance, tolerance, "<=").holds


@pytest.mark.parametrize("relation", ["==", "<="])
@pytest.mark.parametrize("place", range(3))
def test_a_nan_never_holds(relation, place):
    sides = [0.0, 0.0, 1.0]
    sides[place] = np.nan
    found = check(*sides, relation=relation)
    assert not found.holds
    assert found.broken == 1
    assert not found.worst() <= 1


def test_infinities_on_both_sides_are_not_equal():
    assert check(np.inf, np.inf).broken == 1


def test_it_counts_instances_and_broken_ones():
    found = check([1.0, 2.0, np.nan], [1.0, 3.0, 1.0])
    assert (found.count, found.broken) == (3, 2)


def test_two_checks_of_one_draw_are_one_instance():
    first = check([0.0, 0.0, 0.0, np.nan], [0.0, 1.0, 0.0, 0.0])
    second = check([0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0])
    assert Check.broken_in_any(first, second) == 3
    assert Check.broken_in_any(first) == first.broken == 2


def test_it_is_a_pytree_that_vmap_stacks():
    found = jax.vmap(lambda a: Check(a, a**2, jnp.asarray(1e-9), "==", "source"))(
        jnp.asarray([0.0, 1.0, 2.0])
    )
    assert found.holds.tolist() == [True, True, False]


def angles(lhs, tolerance) -> Check:
    left, room = jnp.asarray(lhs, float), jnp.asarray(tolerance, float)
    return Check(left, jnp.zeros(len(left)), room, "==")


def test_an_instance_is_judged_by_all_checks_or_none():
    first = angles([0.0, 1.0, 2.0, 3.0], [1e-3, 1e-3, np.inf, np.nan])
    second = angles([4.0, 5.0, 6.0, 7.0], [1e-3, 0.2, 1e-3, 1e-3])
    kept = Check.all_judged(0.1, first, second)
    one, other = first.where(kept), second.where(kept)
    assert one.lhs.tolist() == [0, 3]
    assert other.lhs.tolist() == [4, 7]
    assert one.broken == 1  # a NaN is not left out
    assert first.judged(None).count == 4


@pytest.mark.parametrize(
    ("relation", "tolerance", "message"),
    [
        (">=", [0.0, 0.0], "relation must be '<=' or '==', got '>='"),
        ("==", 0.0, r"of one shape: .*'tolerance': \(\)"),
        ("==", [[0.0], [0.0]], r"of one shape: .*'tolerance': \(2, 1\)"),
    ],
)
def test_what_would_be_misread_or_broadcast_is_refused(relation, tolerance, message):
    """Tests check types as well, so what a user without them meets is called here."""
    found: Any = SimpleNamespace(
        lhs=np.zeros(2), rhs=np.zeros(2), tolerance=tolerance, relation=relation
    )
    with pytest.raises(ValueError, match=message):
        Check.__check_init__(found)
