"""Algorithm 1's step against the rows, and against Cayley's transform by a solve."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests import strategies
from theory.alignment import (
    AlignmentPoint,
    StepLengths,
    aligned_statistics,
    alignment_loss,
    alignment_slopes,
    alignment_step,
    unaligned,
)
from theory.tasks import TaskStatistics

K, D, R = 3, 4, 2
ALPHA = np.array([0.5, 1.0, 2.0])
LENGTHS = StepLengths(
    jnp.array([1e-3, 2e-3, 3e-3]), jnp.array([4e-3, 5e-3, 6e-3]), jnp.asarray(7e-3)
)
STEP = jax.jit(alignment_step, static_argnames=("maps", "reading"))


@pytest.fixture(scope="module")
def rows():
    return strategies.rows(1, K, D)


@pytest.fixture(scope="module")
def tasks(rows) -> TaskStatistics:
    return TaskStatistics.from_data(*rows)


@pytest.fixture(scope="module")
def point() -> AlignmentPoint:
    rng = np.random.default_rng(2)
    shapes = ((D, R), (K, R), (K, D, D))
    return AlignmentPoint(*(jnp.asarray(rng.normal(size=shape)) for shape in shapes))


def plain_loss(rows, shared, heads, maps) -> float:
    """From the definition, task by task."""
    return sum(
        a * np.sum((x @ turn @ shared @ head - y) ** 2)
        for a, x, y, turn, head in zip(ALPHA, *rows, maps, heads, strict=True)
    )


def slope_of(rows, parts: list[np.ndarray], place: int) -> np.ndarray:
    """Central differences in one field; exact for a quadratic, up to rounding."""
    field = parts[place]
    found = np.zeros_like(field)
    for index in np.ndindex(field.shape):
        ends = []
        for sign in (1, -1):
            moved = [part.copy() for part in parts]
            moved[place][index] += sign * 1e-3
            ends.append(plain_loss(rows, *moved))
        found[index] = (ends[0] - ends[1]) / 2e-3
    return found


def parts_of(point: AlignmentPoint) -> list[np.ndarray]:
    return [np.array(part) for part in (point.shared, point.heads, point.maps)]


def test_loss_is_that_of_the_aligned_rows(rows, tasks, point):
    expected = plain_loss(rows, *parts_of(point))
    found = alignment_loss(tasks, point, ALPHA)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    away = sum(np.sum((np.array(turn) - np.eye(D)) ** 2) for turn in point.maps)
    np.testing.assert_allclose(
        alignment_loss(tasks, point, ALPHA, 0.3), expected + 0.3 * away, rtol=1e-12
    )


def test_aligned_statistics_are_those_of_the_aligned_rows(rows, tasks, point):
    covariates = [x @ np.array(t) for x, t in zip(rows[0], point.maps, strict=True)]
    expected = TaskStatistics.from_data(covariates, rows[1])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10),
        aligned_statistics(tasks, point.maps),
        expected,
    )


def test_slopes_are_those_of_differences(rows, tasks, point):
    found = alignment_slopes(tasks, point, ALPHA)
    for place, field in enumerate(("shared", "heads", "maps")):
        expected = slope_of(rows, parts_of(point), place)
        # A difference over 2e-3 of losses of 1e4 leaves 1e-9 of rounding.
        np.testing.assert_allclose(
            getattr(found, field), expected, atol=1e-7 * np.abs(expected).max()
        )


@pytest.mark.parametrize("reading", ["fixed", "moving"])
@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_a_round_steps_on_heads_then_maps_then_module(
    rows, tasks, point, reading, ridge
):
    parts = parts_of(point)
    length = [np.array(LENGTHS.shared), *(np.array(x)[:, None] for x in LENGTHS[:2])]
    parts[1] = parts[1] - length[1] * slope_of(rows, parts, 1)
    eta = length[2][:, :, None]
    moved = parts[2] - eta * slope_of(rows, parts, 2)
    parts[2] = (moved + 2 * eta * ridge * np.eye(D)) / (1 + 2 * eta * ridge)
    if reading == "moving":
        parts[0] = parts[0] - length[0] * slope_of(rows, parts, 0)
    found = STEP(tasks, point, LENGTHS, weights=ALPHA, ridge=ridge, reading=reading)
    for mine, theirs in zip(parts_of(found), parts, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6 * np.abs(theirs).max())
    assert (found.shared == point.shared).all() == (reading == "fixed")


def test_the_orthogonal_step_is_cayleys_transform(tasks, point):
    start = unaligned(point.shared, point.heads)
    turns = jnp.linalg.qr(point.maps)[0]
    start = AlignmentPoint(start.shared, start.heads, turns)
    found = STEP(tasks, start, LENGTHS, weights=ALPHA, maps="orthogonal")
    held = STEP(tasks, start, LENGTHS, weights=ALPHA, maps="held")
    np.testing.assert_array_equal(found.heads, held.heads)
    np.testing.assert_array_equal(held.maps, turns)
    middle = AlignmentPoint(start.shared, held.heads, turns)
    slopes = np.array(alignment_slopes(tasks, middle, ALPHA).maps)
    for task in range(K):
        turn = np.array(turns[task])
        skew = (turn.T @ slopes[task] - slopes[task].T @ turn) / 2
        half = float(LENGTHS.maps[task]) / 2 * skew
        expected = turn @ np.linalg.solve(np.eye(D) + half, np.eye(D) - half)
        np.testing.assert_allclose(found.maps[task], expected, atol=1e-13)


def test_orthogonal_maps_stay_so_and_the_loss_goes_down(tasks, point):
    lengths = StepLengths(*(jnp.asarray(1e-4) for _ in range(3)))
    at, losses = unaligned(point.shared, point.heads), []
    for _ in range(300):
        losses.append(float(alignment_loss(tasks, at)))
        at = STEP(tasks, at, lengths, maps="orthogonal", reading="moving")
    assert (np.diff(losses) < 0).all()
    # 300 steps, each with a few ε of rounding.
    eye = jnp.swapaxes(at.maps, 1, 2) @ at.maps
    np.testing.assert_allclose(eye, np.broadcast_to(np.eye(D), eye.shape), atol=1e-12)
    assert float(jnp.abs(at.maps - jnp.eye(D)).max()) > 1e-2


def test_an_infinite_penalty_is_training_without_alignment(tasks, point):
    start = unaligned(point.shared, point.heads)
    held = STEP(tasks, start, LENGTHS, maps="held", reading="moving")
    stiff = STEP(tasks, start, LENGTHS, ridge=1e18, reading="moving")
    for mine, theirs in zip(parts_of(stiff), parts_of(held), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


def test_maps_take_all_limits_off_the_capacity(rows, tasks):
    """Orthogonal maps that turn `B` onto every solution: each task as if alone."""
    unit = np.eye(D)[0]
    maps, heads, least = [], [], 0.0
    for alpha, x, y in zip(ALPHA, *rows, strict=True):
        theta = np.linalg.lstsq(x, y, rcond=None)[0]
        size = np.linalg.norm(theta)
        both = unit + theta / size
        turn = np.outer(theta / size, unit) - np.outer(both, both) / (both @ both)
        maps.append(np.eye(D) + 2 * turn)
        heads.append([size])
        least += alpha * np.sum((x @ theta - y) ** 2)
    parts = (unit[:, None], np.array(heads), np.stack(maps))
    point = AlignmentPoint(*(jnp.asarray(part) for part in parts))
    np.testing.assert_allclose(alignment_loss(tasks, point, ALPHA), least, rtol=1e-10)
    eye = np.swapaxes(parts[2], 1, 2) @ parts[2]
    np.testing.assert_allclose(eye, np.broadcast_to(np.eye(D), eye.shape), atol=1e-13)
