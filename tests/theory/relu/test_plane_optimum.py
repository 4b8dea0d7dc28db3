"""The exact search against grids, descents, symmetries and cases done by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.theory.relu.plane import KINDS, TURN, Instance, Kind, descend, draw, grid
from theory.relu import PlaneOptimum, loss, plane_optimum

# Shares of Σ α_i e_i. Of sums of a few dozen terms: 1e3 ε at most. Rows 1e-7 apart and
# directions 1e-7 from a breakpoint: a hidden value of 1e-7 has an error of 1e-9.
SLACK: dict[Kind, float] = dict.fromkeys(KINDS, 1e-12)
SLACK |= {"close": 1e-7, "cone": 1e-9, "lines": 1e-8, "scales": 1e-6}
# How far aside a minimum is looked at, in shares of the way to the next breakpoint.
# Rows of unlike lengths make f change within 1e-8 of a breakpoint.
ASIDE: dict[Kind, tuple[float, float]] = dict.fromkeys(KINDS, (1e-3, 1e-2))
ASIDE |= {"scales": (1e-9, 1e-8)}


def solve(instance: Instance) -> PlaneOptimum:
    return plane_optimum(instance.tasks(), instance.weights)


def away(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances of angles."""
    return np.abs((one - other + np.pi) % TURN - np.pi)


def assert_exact(instance: Instance, kind: Kind, uniform: int, starts: int) -> None:
    found, slack = solve(instance), SLACK[kind] * instance.scale
    angles = grid(instance, uniform)
    losses = instance.losses(angles)
    assert losses.min() >= found.loss - slack
    start = np.random.default_rng(0).uniform(0, TURN, starts)
    assert descend(instance, start).min() >= found.loss - slack
    # A strict minimum of the grid has a minimum of the list between its neighbours.
    before, after = np.roll(losses, 1), np.roll(losses, -1)
    for i in np.flatnonzero((losses < before - slack) & (losses < after - slack)):
        low, high = angles[i - 1], angles[(i + 1) % len(angles)]
        middle, half = low + ((high - low) % TURN) / 2, ((high - low) % TURN) / 2
        reach = half + np.asarray(found.minima.width) / 2 + 1e-12
        assert np.any(away(np.asarray(found.minima.angle), middle) <= reach), angles[i]
    assert_minima(instance, found, slack, ASIDE[kind])


def assert_minima(
    instance: Instance, found: PlaneOptimum, slack: float, aside: tuple[float, float]
) -> None:
    """Every reported minimum is one, with the loss that it says."""
    minima = found.minima
    angle, side = np.asarray(minima.angle), np.asarray(minima.side)
    value, attained = np.asarray(minima.loss), np.asarray(minima.attained)
    np.testing.assert_array_equal(np.sort(value), value)
    # A step within the sector, and small beside it.
    gap = away(angle[:, None], instance.breakpoints())
    gap = np.where(gap > 1e-12, gap, np.pi).min(axis=1)
    for share in aside:
        step = share * np.minimum(gap, 1e-3)
        near = [instance.losses(angle + s * step) for s in (-1, 1)]
        assert np.all(np.minimum(*near)[attained] >= value[attained] - slack)
        inside = np.where(side > 0, near[1], near[0])
        assert np.all(inside[~attained] >= value[~attained] - slack)
        rise = np.where(attained, np.inf, 10 * share * instance.scale + slack)
        assert np.all(inside <= value + rise)
    # Where the loss jumps down on leaving a breakpoint that is no minimum itself.
    both = away(angle[attained, None], angle[None, ~attained])
    assert np.all(both > 1e-12)
    # A breakpoint's rows may be active by rounding, so those are seen from aside.
    at = instance.losses(angle)
    smooth = away(angle[:, None], instance.breakpoints()).min(axis=1) > 1e-9
    np.testing.assert_allclose(at[smooth], value[smooth], rtol=0, atol=slack)
    direct = loss(
        instance.tasks(), found.shared, found.heads, jnp.asarray(instance.weights)
    )
    tolerance = slack if found.attained else 1e-5 * instance.scale
    assert abs(direct - found.loss) <= tolerance


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lower_and_no_local_minimum_is_missed(kind):
    for seed in range(4):
        assert_exact(draw(seed, kind), kind, 4001, 50)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many_instances_against_dense_grids_and_many_descents(kind):
    for seed in range(100, 140):
        assert_exact(draw(seed, kind), kind, 100_001, 500)


def test_a_teacher_is_found_to_the_last_digits():
    rng = np.random.default_rng(0)
    for angle in (0.1, 2.0, 5.5):
        theta = np.array([np.cos(angle), np.sin(angle)])
        xs = [rng.normal(size=(m, 2)) for m in (7, 12)]
        ys = [
            a * np.maximum(x @ theta, 0) for x, a in zip(xs, (2.0, -3.0), strict=True)
        ]
        found = solve(Instance(xs, ys, np.ones(2)))
        assert abs(found.angle - angle) <= 1e-13
        np.testing.assert_allclose(found.shared[:, 0], theta, atol=1e-13)
        np.testing.assert_allclose(found.heads[:, 0], [2.0, -3.0], rtol=1e-12)
        assert found.loss <= 1e-24


def test_one_row_is_fitted_from_half_the_plane():
    found = solve(Instance([np.array([[0.0, 2.0]])], [np.array([3.0])], np.ones(1)))
    assert found.loss == 0
    assert found.attained
    np.testing.assert_allclose(found.minima.width, [np.pi, np.pi], rtol=1e-14)
    np.testing.assert_allclose(found.minima.loss, [0, 9])
    np.testing.assert_allclose(found.angle, np.pi / 2)


def test_a_least_value_that_is_approached_only():
    """Task 1 sees its row up to π/2 and has no wish; task 2 would go on to 2.5."""
    theta = np.array([np.cos(2.5), np.sin(2.5)])
    x = np.random.default_rng(1).normal(size=(40, 2))
    xs, ys = [np.array([[1.0, 0.0]]), x], [np.array([1.0]), np.maximum(x @ theta, 0)]
    instance = Instance(xs, ys, np.array([100.0, 1.0]))
    found = solve(instance)
    assert not found.attained
    np.testing.assert_allclose(found.angle, np.pi / 2, rtol=1e-14)
    assert found.minima.side[0] == -1
    limit = instance.losses(np.array([np.pi / 2 - 1e-9]))
    np.testing.assert_allclose(found.loss, limit, atol=1e-7)
    # The head of a hidden value that tends to zero.
    assert found.heads[0, 0] > 1e3
    value = loss(instance.tasks(), found.shared, found.heads, jnp.asarray([100.0, 1.0]))
    np.testing.assert_allclose(value, found.loss, atol=1e-6)


def test_a_kink_can_be_the_optimum():
    """Two rows pull to both sides of a breakpoint; f falls to it from both."""
    kinks = 0
    for seed in range(40):
        instance = draw(seed, "few")
        found = solve(instance)
        attained = np.asarray(found.minima.attained)
        angle = np.asarray(found.minima.angle)
        gap = away(angle[:, None], instance.breakpoints()).min(axis=1)
        at = attained & (gap < 1e-13) & (np.asarray(found.minima.width) == 0)
        for t in angle[at]:
            left, here, right = instance.losses(t + np.array([-1e-5, 0, 1e-5]))
            # First order: a smooth minimum would rise by 1e-10 only.
            kinks += min(left, right) > here + 1e-7 * instance.scale
    assert kinks >= 5


def test_rows_of_zeros_and_padding_change_nothing_but_the_energy():
    instance = draw(3, "plain")
    found = solve(instance)
    xs = [np.concatenate([x, np.zeros((2, 2))]) for x in instance.xs]
    ys = [np.concatenate([y, [1.0, 2.0]]) for y in instance.ys]
    more = solve(Instance(xs, ys, instance.weights))
    np.testing.assert_allclose(more.angle, found.angle, rtol=1e-14)
    added = 5 * instance.weights.sum()
    np.testing.assert_allclose(more.loss, found.loss + added, rtol=1e-13)


def test_rows_without_any_direction_leave_the_energy():
    found = solve(Instance([np.zeros((3, 2))], [np.array([1.0, 2.0, 0.0])], np.ones(1)))
    assert found.loss == 5
    np.testing.assert_array_equal(found.heads, 0)


def test_labels_of_zeros_are_fitted_by_everything():
    x = np.random.default_rng(2).normal(size=(5, 2))
    found = solve(Instance([x], [np.zeros(5)], np.ones(1)))
    assert found.loss == 0


@pytest.mark.parametrize("kind", ["plain", "few", "integer"])
def test_what_leaves_the_problem_alone_leaves_the_optimum_alone(kind):
    rng = np.random.default_rng(3)
    for seed in range(5):
        instance = draw(seed, kind)
        found = solve(instance)
        slack = 1e-11 * instance.scale
        order = [rng.permutation(len(y)) for y in instance.ys]
        scales = 10.0 ** rng.uniform(-3, 3, len(order))
        turn = 1.0
        rotation = np.array(
            [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        )
        xs = [
            s * x[o] @ rotation.T
            for s, x, o in zip(scales, instance.xs, order, strict=True)
        ]
        ys = [y[o] for y, o in zip(instance.ys, order, strict=True)]
        other = solve(Instance(xs[::-1], ys[::-1], instance.weights[::-1]))
        np.testing.assert_allclose(other.loss, found.loss, atol=slack)
        assert len(other.minima.loss) == len(found.minima.loss)
        np.testing.assert_allclose(other.minima.loss, found.minima.loss, atol=slack)
        split = np.diag([1e-6, 1e6])
        skewed = solve(
            Instance([x @ split for x in instance.xs], instance.ys, instance.weights)
        )
        np.testing.assert_allclose(skewed.minima.loss, found.minima.loss, atol=slack)


def test_weights_choose_between_tasks():
    instance = draw(1, "plain")
    assert len(instance.xs) > 1
    weights = np.zeros(len(instance.xs))
    weights[-1] = 1.0
    found = plane_optimum(instance.tasks(), weights)
    alone = solve(Instance(instance.xs[-1:], instance.ys[-1:], np.ones(1)))
    np.testing.assert_allclose(found.loss, alone.loss, rtol=1e-12)
    assert found.heads.shape == (len(instance.xs), 1)
    assert np.all(np.isfinite(found.heads))


def test_thousands_of_rows_take_no_time_worth_naming():
    rng = np.random.default_rng(5)
    xs = [rng.normal(size=(2000, 2)) for _ in range(3)]
    thetas = rng.normal(size=(3, 2))
    ys = [
        np.maximum(x @ t, 0) + rng.normal(size=2000)
        for x, t in zip(xs, thetas, strict=True)
    ]
    instance = Instance(xs, ys, np.ones(3))
    found = solve(instance)
    losses = instance.losses(np.linspace(0, TURN, 1001))
    assert found.loss - 1e-12 * instance.scale <= losses.min()
    # The grid's best is π/1000 away at most, where f is higher by that squared.
    assert losses.min() <= found.loss + 1e-5 * instance.scale
