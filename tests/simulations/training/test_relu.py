"""ReLU training against a search over one angle, and its ends that are no optimum."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from simulations.training import (
    Adam,
    GradientDescent,
    LevenbergMarquardt,
    Parameters,
    ReluModel,
    Status,
    train,
)
from tests.simulations.training.problems import WEIGHTS, plain_loss, rows, tasks
from theory.tasks import Tasks

KEY = jax.random.key(0)
ADAM = Adam(rate=3e-2, steps=3000)


def by_angle(xs, ys) -> float:
    """Least loss over the direction of one unit, with its best heads."""

    def loss(angle):
        at = np.array([np.cos(angle), np.sin(angle)])
        total = 0.0
        for weight, x, y in zip(WEIGHTS, xs, ys, strict=True):
            unit = np.maximum(x @ at, 0)
            size = unit @ unit
            explained = (unit @ y) ** 2 / size if size > 0 else 0.0
            total += weight * (y @ y - explained)
        return total

    # Columns differ by 100 in their units, so angles crowd near the second axis.
    turn = np.linspace(0, 2 * np.pi, 4001)
    grid = np.arctan2(np.sin(turn), 100 * np.cos(turn))
    values = np.array([loss(angle) for angle in grid])
    best = []
    for index in np.argsort(values)[:5]:
        ends = sorted((grid[index - 1], grid[(index + 1) % len(grid)]))
        found: Any = minimize_scalar(
            loss, bounds=ends, method="bounded", options={"xatol": 1e-13}
        )
        best += [found.fun, values[index]]
    return min(best)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(s, marks=pytest.mark.long) for s in (1, 2, 3))]
)
def test_it_reaches_the_best_angle_in_the_plane(seed):
    data = rows(seed, 2)
    found = train(ReluModel.from_tasks(tasks(seed, 2)), 1, WEIGHTS, KEY, starts=12)
    best = by_angle(*data)
    # At a kink the smoothed optimum is off by a share of s = ε^0.4 = 5e-7.
    assert float(found.loss) == pytest.approx(best, rel=1e-6)
    assert found.status[jnp.argmin(found.losses)] == Status.CONVERGED
    assert float(found.gradient) <= 1e-9
    at = Parameters(found.shared, found.heads)
    # The loss that is reported is the model's own, without smoothing or units.
    plain = plain_loss(*data, at, relu=True, logistic=False)
    assert float(found.loss) == pytest.approx(plain, rel=1e-10)


def test_first_order_training_comes_close():
    model = ReluModel.from_tasks(tasks(0, 2))
    best = by_angle(*rows(0, 2))
    found = train(model, 1, WEIGHTS, KEY, starts=12, solver=ADAM)
    # Adam swings about a kink with the length of its step.
    assert float(found.loss) == pytest.approx(best, rel=1e-2)
    assert float(found.loss) >= best * (1 - 1e-9)


def one_sided() -> ReluModel:
    """Covariates that are all positive: a unit of negative entries is dead.

    Each task has a direction of its own, so that one unit does not fit both.
    """
    rng = np.random.default_rng(0)
    xs = [np.abs(rng.normal(size=(20, 2))) + 0.1 for _ in range(2)]
    return ReluModel.from_tasks(
        Tasks.from_data(xs, [xs[0] @ [1.0, 1.0], xs[1] @ [1.0, 3.0]])
    )


@pytest.mark.parametrize(
    "solver", [ADAM, GradientDescent(steps=2000), LevenbergMarquardt()], ids=str
)
def test_dead_units_are_told_from_convergence(solver):
    model, down, up = one_sided(), [-1.0, -2.0], [1.0, 0.5]
    shared = np.array([[down, down], [down, up], [[0.5, 1.0], up]]).swapaxes(1, 2)
    heads = np.ones((3, 2, 2))
    initial = Parameters(jnp.asarray(shared), jnp.asarray(heads))
    found = train(model, 2, None, KEY, solver=solver, initial=initial)
    np.testing.assert_array_equal(found.dead, [2, 1, 0])
    # Where one unit is dead the other has converged, and that is no optimum.
    assert (found.status[:2] == Status.DEAD).all()
    assert found.status[2] == Status.CONVERGED
    assert float(found.gradient) <= solver.tolerance
    assert (found.losses[2] < 1e-6 * found.losses[:2]).all()
    assert float(found.loss) == float(found.losses[2])
    # By the same program: a masked column is no unit, dead or not.
    first = Parameters(
        jnp.asarray(shared * [1.0, 0.0]), jnp.asarray(heads * [1.0, 0.0])
    )
    masked = train(model, 1, None, KEY, solver=solver, initial=first, columns=2)
    np.testing.assert_array_equal(masked.dead, [1, 1, 0])
    np.testing.assert_array_equal(masked.status == Status.DEAD, [True, True, False])


def test_a_dead_module_of_labels_that_are_zero_is_no_failure():
    model = one_sided()
    rows_of = type(model.rows)(
        model.rows.covariates, jnp.zeros_like(model.rows.labels), model.rows.owner
    )
    quiet = ReluModel(rows_of)
    initial = Parameters(-jnp.ones((1, 2, 1)), jnp.ones((1, 2, 1)))
    found = train(quiet, 1, None, KEY, solver=ADAM, initial=initial)
    assert found.status[0] == Status.CONVERGED
    assert found.dead[0] == 1
    assert float(found.loss) == 0
