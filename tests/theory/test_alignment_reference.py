"""What alignment can reach, against the rows and against training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests import strategies
from tests.simulations.training.alternating_reference import alternate
from tests.theory.test_alignment import unchecked
from theory.alignment import aligned_statistics, alignment_loss
from theory.alignment_reference import (
    separate_point,
    whitened_optimum,
    whitening_maps,
)
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics

K, D = 3, 4
ALPHA = np.array([0.5, 1.0, 2.0])


@pytest.fixture(scope="module")
def rows():
    return strategies.rows(3, K, D)


@pytest.fixture(scope="module")
def tasks(rows) -> TaskStatistics:
    return TaskStatistics.from_data(*rows)


def residuals(rows) -> np.ndarray:
    """Of every task alone, from the rows."""
    fits = [
        np.sum((x @ np.linalg.lstsq(x, y, rcond=None)[0] - y) ** 2)
        for x, y in zip(*rows, strict=True)
    ]
    return np.array(fits)


@pytest.mark.parametrize("reference", [0, 2])
def test_whitening_gives_all_tasks_one_covariance(tasks, reference):
    maps = whitening_maps(tasks.gram, reference)
    found = aligned_statistics(tasks, maps).gram
    wanted = tasks.gram[reference]
    np.testing.assert_allclose(
        found, np.broadcast_to(wanted, found.shape), rtol=1e-11, atol=1e-11
    )
    np.testing.assert_allclose(maps[reference], np.eye(D), atol=1e-12)


def test_covariances_do_not_say_which_whitening_is_right():
    # Turned inputs: both R = U and the symmetric roots make the covariances equal.
    first = np.diag([9.0, 1.0])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    pair = jnp.asarray(np.stack([first, turn @ first @ turn.T]))
    found = np.array(whitening_maps(pair)[1])
    for one in (found, turn):
        np.testing.assert_allclose(one.T @ pair[1] @ one, first, atol=1e-12)
    assert np.abs(found - turn).max() > 0.1


@pytest.mark.parametrize("width", [1, 2, 3])
def test_whitened_loss_is_eckart_youngs_and_that_of_training(rows, tasks, width):
    found = whitened_optimum(tasks, width, ALPHA)
    # G^½θ̂ from the rows: X = UDVᵀ, so that G^½θ̂ = V Uᵀy.
    signal = []
    for alpha, x, y in zip(ALPHA, *rows, strict=True):
        left, _, right = np.linalg.svd(x, full_matrices=False)
        signal.append(np.sqrt(alpha) * right.T @ (left.T @ y))
    tail = np.linalg.svd(np.array(signal), compute_uv=False)[width:]
    expected = ALPHA @ residuals(rows) + np.sum(tail**2)
    np.testing.assert_allclose(found.loss, expected, rtol=1e-10)
    np.testing.assert_allclose(
        alignment_loss(tasks, found.point, ALPHA), expected, rtol=1e-10
    )
    if width == 1:
        equal = aligned_statistics(tasks, found.point.maps)
        trained = alternate(
            equal, 1, jnp.asarray(ALPHA), jax.random.key(0), starts=20, steps=200
        )
        np.testing.assert_allclose(trained.loss.min(), expected, rtol=1e-8)


def test_whitening_may_cost_more_than_no_alignment():
    # One parameter, rotated inputs, no noise: nothing is left to gain.
    rng = np.random.default_rng(0)
    theta, turn = rng.normal(size=D), np.linalg.qr(rng.normal(size=(D, D)))[0]
    xs = [rng.normal(size=(30, D)) * [5, 1, 1, 1] for _ in range(2)]
    xs[1] = xs[1] @ turn.T
    tasks = TaskStatistics.from_data(xs, [x @ theta for x in xs])
    energy = float(tasks.energy.sum())
    assert float(shared_optimum(tasks, 1).loss) < 1e-9 * energy
    assert float(whitened_optimum(tasks, 1).loss) > 1e-2 * energy


@pytest.mark.parametrize("width", [1, 2])
def test_any_module_fits_every_task_alone(rows, tasks, width):
    shared = jax.random.normal(jax.random.key(5), (D, width))
    point = separate_point(tasks, shared)
    np.testing.assert_allclose(
        alignment_loss(tasks, point, ALPHA), ALPHA @ residuals(rows), rtol=1e-10
    )
    np.testing.assert_array_equal(point.shared, shared)
    eye = jnp.swapaxes(point.maps, 1, 2) @ point.maps
    np.testing.assert_allclose(eye, np.broadcast_to(np.eye(D), eye.shape), atol=1e-13)
    # Rotations, which are reached from the identity, and not reflections.
    np.testing.assert_allclose(jnp.linalg.det(point.maps), 1, rtol=1e-12)


def test_a_task_without_a_solution_is_left_where_it_is(tasks):
    still = TaskStatistics(
        tasks.gram, tasks.moment.at[1].set(0), tasks.energy, tasks.samples
    )
    point = separate_point(still, jnp.ones((D, 1)))
    np.testing.assert_array_equal(point.maps[1], np.eye(D))
    assert float(point.heads[1, 0]) == 0


def test_bad_arguments_are_named(tasks):
    flat = tasks.gram.at[1, :, 0].set(0).at[1, 0].set(0)
    with pytest.raises(ValueError, match="task 1: the covariance is not positive"):
        whitening_maps(flat)
    assert np.isfinite(jax.jit(whitening_maps)(flat)).all()
    with pytest.raises(ValueError, match="there is no task 3 among 3"):
        whitening_maps(tasks.gram, 3)
    with pytest.raises(ValueError, match="k x d x d"):
        unchecked(whitening_maps)(tasks.gram[0])
    with pytest.raises(ValueError, match="the first column of shared is zero"):
        separate_point(tasks, jnp.zeros((D, 1)))
    with pytest.raises(ValueError, match="shared must be 4 x r"):
        unchecked(separate_point)(tasks, jnp.ones((D + 1, 1)))
    with pytest.raises(ValueError, match="width >= 1"):
        unchecked(whitened_optimum)(tasks, 0)
