"""The search in the plane, judged by exact rationals where rounding hurts most."""

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.relu.adversarial import FAMILIES, Family, adversarial
from tests.theory.relu.exact import Exact
from tests.theory.relu.plane import Instance
from theory.relu import PlaneOptimum, plane_optimum

# As `plane_optimum` states them, in units of Σ α_i η_i e_i.
LOSS, BOUND = 16, 256
# What the judge's search, which ends at neighbouring floats, may itself miss: 1e-16 in
# a place where the loss is flat to first order, or a step of 1e-30 from a limit.
JUDGE = 1e-12


def rounding(instance: Instance) -> float:
    """`Σ α_i η_i e_i` of tasks of at most 64 rows."""
    pairs = zip(instance.ys, instance.weights, strict=True)
    eps = np.finfo(float).eps
    return float(sum(a * (16 + len(y)) * eps * (y @ y) for y, a in pairs))


def module_loss(exact: Exact, found: PlaneOptimum) -> Fraction:
    """The loss of the returned floats, exactly."""
    first, second = (Fraction(float(v)) for v in np.asarray(found.shared)[:, 0])
    heads = [Fraction(float(v)) for v in np.asarray(found.heads)[:, 0]]
    return exact.with_heads((first, second), heads)


def assert_true(instance: Instance) -> PlaneOptimum:
    """What is said of the optimum holds in exact arithmetic."""
    found = plane_optimum(instance.tasks(), instance.weights)
    exact, room = Exact(instance), rounding(instance)
    least, loss = exact.least(), Fraction(float(found.loss))
    assert Fraction(float(found.lower_bound)) <= least
    assert loss - least <= LOSS * room
    assert least - loss <= LOSS * room + JUDGE * instance.scale
    assert found.unresolved == 0
    assert found.loss - found.lower_bound <= BOUND * room
    if found.attained:
        assert abs(module_loss(exact, found) - loss) <= LOSS * room
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_no_direction_is_better_and_the_module_has_its_loss(family):
    for seed in range(3):
        assert_true(adversarial(seed, family))


def test_a_slope_that_falls_beyond_its_rounding_is_no_room_in_the_bound():
    # Its rounding is a sixth of the slope, along an arc of half a part.
    assert_true(adversarial(130, "neighbours"))


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_many_instances_of_each_family(family: Family):
    for seed in range(100, 200):
        assert_true(adversarial(seed, family))


@pytest.mark.parametrize("e", [1e-8, 1e-10, 1e-12, 1e-16, 1e-30])
def test_rows_of_one_task_in_a_narrow_cone(e):
    """Breakpoints closer than any angle tells; the best direction is among them."""
    rng = np.random.default_rng(23)
    first = rng.normal(size=4), e * rng.normal(size=4)
    xs = [np.stack(first, axis=1), rng.normal(size=(3, 2))]
    ys = [rng.normal(size=4), 0.1 * rng.normal(size=3)]
    found = assert_true(Instance(xs, ys, np.ones(2)))
    np.testing.assert_allclose(found.loss, 0.094271, atol=5e-7)
    assert found.attained


def test_tasks_with_columns_in_unlike_units():
    rng = np.random.default_rng(13)
    xs = [rng.normal(size=(4, 2)) * [1, unit] for unit in (1e3, 1e-9)]
    ys = [rng.normal(size=4) for _ in range(2)]
    found = assert_true(Instance(xs, ys, np.ones(2)))
    np.testing.assert_allclose(found.loss, 5.993483, atol=1e-6)
    # All losses are the same when every task measures a column in another unit.
    for unit in (1e-9, 1e9):
        other = assert_true(Instance([x * [1, unit] for x in xs], ys, np.ones(2)))
        np.testing.assert_allclose(other.loss, found.loss, rtol=1e-13)
        assert len(other.minima.loss) == len(found.minima.loss)


def test_a_breakpoint_at_which_another_task_is_stationary():
    """The least loss is a limit: a head grows while its only row turns orthogonal."""
    rng = np.random.default_rng(188)
    k = int(rng.integers(2, 4))
    xs = [
        rng.integers(-2, 3, size=(int(rng.integers(1, 6)), 2)).astype(float)
        for _ in range(k)
    ]
    ys = [rng.integers(-2, 3, size=len(x)).astype(float) for x in xs]
    instance = Instance(xs, ys, np.ones(k))
    found = assert_true(instance)
    assert found.loss == 5
    assert not found.attained
    assert found.minima.side[0] == 1
    exact = Exact(instance)
    assert exact.loss((Fraction(1), Fraction(-2))) == 6
    np.testing.assert_allclose(float(module_loss(exact, found)), 5, rtol=1e-12)


def test_a_sector_without_a_pair_of_floats():
    """Two fractions `p/q` that follow one another: those between have larger `q`."""
    q, p = 2**52 + 1, 2**51 + 3
    # r/s with ps - qr = 1, between 2^52 and 2^53.
    s = pow(p, -1, q) + q
    r = (p * s - 1) // q
    assert p * s - q * r == 1
    assert q < s < 2**53
    xs = [np.array([[p, q], [-r, -s]], float)]
    found = assert_true(Instance(xs, [np.ones(2)], np.ones(1)))
    # Both rows are active in a sector of 1e-32, and fitted there.
    assert found.loss <= 1e-28
    assert not found.attained
    assert found.minima.side[0] == 0
    assert found.minima.attained[0]


def test_rows_that_differ_in_their_last_bits_are_sorted_exactly():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2) * (1 + np.finfo(float).eps * rng.integers(-3, 4, (40, 2)))
    assert_true(Instance([x[:20], x[20:]], list(rng.normal(size=(2, 20))), np.ones(2)))


def test_entries_out_of_range_are_refused():
    x = np.array([[1.0, 1.0], [1.0, 1e-70]])
    with pytest.raises(
        ValueError, match=r"task 0: covariates have 1e-70 in row 1, col.*1"
    ):
        plane_optimum(Instance([x], [np.ones(2)], np.ones(1)).tasks())
