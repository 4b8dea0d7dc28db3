"""What holds for every model: starts, statuses, masked columns, grids."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.training import (
    LBFGS,
    Adam,
    GradientDescent,
    LevenbergMarquardt,
    LinearModel,
    Parameters,
    ReluModel,
    Status,
    train,
    train_grid,
)
from tests.simulations.training.problems import WEIGHTS, tasks

KEY = jax.random.key(3)
D = 3
TASKS = tasks(0, D)
LINEAR, RELU = LinearModel(TASKS.statistics()), ReluModel.from_tasks(TASKS)
QUICK = Adam(rate=3e-2, steps=200)
SOLVERS = [
    LevenbergMarquardt(),
    LBFGS(),
    GradientDescent(),
    Adam(rate=3e-2, tolerance=1e-7),
]


def in_32_bit(model):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), model)


@pytest.fixture(scope="module")
def best():
    return train(LINEAR, 1, WEIGHTS, KEY, starts=4)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: type(s).__name__)
def test_all_solvers_reach_one_linear_optimum(solver, best):
    found = train(LINEAR, 1, WEIGHTS, KEY, starts=4, solver=solver)
    assert float(found.loss) == pytest.approx(float(best.loss), rel=1e-9)
    assert (found.status == Status.CONVERGED).all()
    assert float(found.gradient) <= solver.tolerance


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS[:2], ids=lambda s: type(s).__name__)
def test_second_order_solvers_run_in_32_bit(solver, best):
    found = train(in_32_bit(LINEAR), 1, WEIGHTS, KEY, starts=4, solver=solver)
    assert found.loss.dtype == found.shared.dtype == jnp.float32
    # Statistics in 32 bits have lost 1e-7 of the label energy, and F* is above 0.1.
    assert float(found.loss) == pytest.approx(float(best.loss), rel=1e-4)


def test_a_start_that_diverges_is_told_and_disturbs_no_other():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(3, D, 1))
    heads = rng.normal(size=(3, 2, 1))
    shared[1] *= 1e200
    points = Parameters(jnp.asarray(shared), jnp.asarray(heads))
    others = jax.tree.map(lambda leaf: leaf[jnp.array([0, 2])], points)
    found = train(RELU, 1, None, KEY, solver=QUICK, initial=points)
    alone = train(RELU, 1, None, KEY, solver=QUICK, initial=others)
    assert found.status[1] == Status.DIVERGED
    assert (found.status[jnp.array([0, 2])] != Status.DIVERGED).all()
    np.testing.assert_allclose(
        found.losses[jnp.array([0, 2])], alone.losses, rtol=1e-12
    )
    assert float(found.loss) == float(found.losses[jnp.array([0, 2])].min())
    assert np.isfinite(found.shared).all()


def test_too_long_a_step_diverges_at_a_point_that_is_finite():
    found = train(RELU, 1, None, KEY, starts=2, solver=Adam(rate=1e200, steps=100))
    assert (found.status == Status.DIVERGED).all()
    for leaf in (found.shared, found.heads, found.losses, found.gradient):
        assert np.isfinite(leaf).all()


def test_steps_run_out_and_are_counted():
    found = train(LINEAR, 1, None, KEY, starts=2, solver=Adam(steps=7, block=5))
    assert (found.status == Status.OUT_OF_STEPS).all()
    assert (found.steps == 7).all()


def test_gradient_descent_never_goes_up():
    losses = [
        train(RELU, 1, None, KEY, starts=3, solver=GradientDescent(steps=n)).losses
        for n in (2, 50)
    ]
    assert (losses[1] < losses[0]).all()


@pytest.mark.parametrize(
    "solver",
    [QUICK, pytest.param(SOLVERS[0], marks=pytest.mark.long)],
    ids=["Adam", "second order"],
)
def test_masked_columns_stay_zero_and_change_nothing(solver):
    narrow = train(RELU, 2, WEIGHTS, KEY, starts=2, solver=solver)
    masked = train(RELU, 2, WEIGHTS, KEY, starts=2, solver=solver, columns=3)
    assert masked.shared.shape == (D, 3)
    assert (masked.shared[:, 2] == 0).all()
    assert (masked.heads[:, 2] == 0).all()
    # Sums over a longer axis round differently, and descents amplify that.
    np.testing.assert_allclose(masked.loss, narrow.loss, rtol=1e-6)


def test_a_grid_is_its_runs():
    draws = [tasks(seed, D) for seed in (0, 1)]
    models = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(ReluModel.from_tasks(t) for t in draws)
    )
    alphas, keys = np.array([[1.0, 1.0], WEIGHTS]), jax.random.split(KEY, 3)
    grid = train_grid(models, [1, 2], alphas, keys, starts=2, solver=QUICK)
    assert grid.loss.shape == (2, 2, 2, 3)
    assert grid.shared.shape == (2, 2, 2, 3, D, 2)
    for at in [(0, 0, 0, 0), (1, 0, 1, 2), (1, 1, 0, 1)]:
        draw, width, alpha, seed = at
        one = train(
            ReluModel.from_tasks(draws[draw]),
            (1, 2)[width],
            alphas[alpha],
            keys[seed],
            starts=2,
            solver=QUICK,
            columns=2,
        )
        np.testing.assert_allclose(grid.losses[at], one.losses, rtol=1e-9)
        np.testing.assert_allclose(grid.shared[at], one.shared, rtol=1e-6, atol=1e-9)
    assert (grid.shared[:, 0, :, :, :, 1] == 0).all()


def test_a_batch_of_tasks_is_laid_out_like_single_ones():
    draws = [tasks(seed, D) for seed in (0, 1)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *draws)
    models = ReluModel.from_tasks(batch)
    for index, draw in enumerate(draws):
        one = ReluModel.from_tasks(draw).rows
        same = jax.tree.map(lambda leaf, i=index: leaf[i], models.rows)
        np.testing.assert_array_equal(same.covariates, one.covariates)
        np.testing.assert_array_equal(same.labels, one.labels)
        np.testing.assert_array_equal(same.owner, one.owner)


@pytest.mark.parametrize(("inputs", "labels"), [(1, 50), (1e87, 1e-91), (1e-88, 1e91)])
def test_units_of_rows_and_labels_do_not_matter(inputs, labels):
    x = TASKS.covariates * jnp.asarray([1e-3, 1.0, 1e4]) * inputs
    other = ReluModel.from_tasks(type(TASKS)(x, labels * TASKS.labels, TASKS.mask))
    first = train(RELU, 1, None, KEY, starts=2, solver=QUICK)
    second = train(other, 1, None, KEY, starts=2, solver=QUICK)
    expected = np.asarray(first.losses) * labels * labels
    np.testing.assert_allclose(second.losses, expected, rtol=1e-9)
    np.testing.assert_array_equal(second.status, first.status)


def test_a_loss_that_is_not_finite_has_not_converged():
    # Not by `from_tasks`, which refuses such labels, as it does where jax traces them.
    rows = RELU.rows
    loud = ReluModel(type(rows)(rows.covariates, 1e160 * rows.labels, rows.owner))
    found = train(loud, 1, None, KEY, starts=2, solver=QUICK)
    assert np.isinf(found.losses).all()
    assert (found.status == Status.DIVERGED).all()
