"""Every model against its definition in NumPy, and its derivatives."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from simulations.training import LinearModel, LogisticModel, ReluModel
from simulations.training.objective import Objective
from tests.simulations.training.problems import (
    WEIGHTS,
    plain_loss,
    point,
    rows,
    tasks,
)
from theory.tasks import Tasks

D = 3
# One compilation a case.
derivatives = jax.jit(
    lambda f, at: (f(at), f.slope(at), f.hessian(at), f.gauss_newton(at))
)
CASES = ["linear", "relu", "logistic", "logistic relu bias"]


def case(name, seed=0):
    binary = "logistic" in name
    drawn = tasks(seed, D, binary=binary)
    model = {
        "linear": lambda: LinearModel(drawn.statistics()),
        "relu": lambda: ReluModel.from_tasks(drawn),
        "logistic": lambda: LogisticModel.from_tasks(drawn),
        "logistic relu bias": lambda: LogisticModel.from_tasks(
            drawn, relu=True, bias=True
        ),
    }[name]()
    data = rows(seed, D, binary=binary)

    def plain(at):
        return plain_loss(*data, at, relu="relu" in name, logistic=binary)

    objective = Objective(model, jnp.asarray(WEIGHTS))
    return objective, point(seed, D, 2, bias="bias" in name), plain


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_the_weighted_sum_over_tasks_and_rows(name):
    objective, at, plain = case(name)
    # Statistics round at ε times the label energy.
    value, *_ = derivatives(objective, at)
    assert float(value) == pytest.approx(plain(at), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_finite_differences(name):
    objective, at, plain = case(name)
    slope = ravel_pytree(derivatives(objective, at)[1])[0]
    flat, restore = ravel_pytree(at)
    for index in range(flat.size):
        step = 1e-6 * jnp.eye(flat.size)[index]
        ahead, behind = plain(restore(flat + step)), plain(restore(flat - step))
        found = (ahead - behind) / 2e-6
        # Rounding of the difference: ε f / 1e-6.
        room = 1e-9 * plain(at) + 1e-7 * abs(found)
        assert abs(float(slope[index]) - found) < room, index


@pytest.mark.parametrize("name", CASES)
def test_the_second_derivatives_are_right(name):
    objective, at, _ = case(name)
    flat, restore = ravel_pytree(at)
    *_, exact, positive = derivatives(objective, at)

    def slope(flat):
        return ravel_pytree(derivatives(objective, restore(flat))[1])[0]

    step = 1e-6
    for index, column in enumerate(exact):
        move = step * jnp.eye(flat.size)[index]
        found = (slope(flat + move) - slope(flat - move)) / (2 * step)
        np.testing.assert_allclose(column, found, atol=1e-6 * np.abs(exact).max())
    # In the heads alone the outputs are linear: there both matrices are one.
    heads = slice(2 * D, 2 * D + 4)
    np.testing.assert_allclose(positive[heads, heads], exact[heads, heads], rtol=1e-9)
    least = float(jnp.linalg.eigvalsh(positive)[0])
    assert least > -1e-12 * float(jnp.abs(positive).max())


# A compilation each: the others are long.
QUICK = (("linear", 1, None), ("relu", 1, 0.3), ("logistic relu bias", 3, 0.3))
SECOND = [
    pytest.param(*one, marks=() if one in QUICK else pytest.mark.long)
    for one in itertools.product(CASES, (1, 3), (None, 0.3))
]


@pytest.mark.parametrize(("name", "width", "smoothing"), SECOND)
def test_the_second_derivatives_are_those_of_automatic_differentiation(
    name, width, smoothing
):
    objective, _, _ = case(name)
    if smoothing is not None:
        objective = objective.softened(jnp.asarray(smoothing))
    at = point(1, D, width, bias="bias" in name)
    flat, restore = ravel_pytree(at)

    @jax.jit
    def peers(f, flat):
        def outputs(flat):
            return f.model.outputs(restore(flat)).ravel()

        u = outputs(flat)
        shape = f.model.outputs(at).shape
        change = jax.jacfwd(outputs)(flat)
        curved = jax.hessian(lambda u: f.weights @ f.model.losses(u.reshape(shape)))(u)
        return jax.hessian(lambda flat: f(restore(flat)))(flat), (
            change.T @ curved @ change
        )

    exact, positive = peers(objective, flat)
    *_, found, found_positive = derivatives(objective, at)
    # Sums over 65 rows, in another order: some 65 ε of the largest entry.
    room = 1e-13 * float(jnp.abs(exact).max())
    np.testing.assert_allclose(found, exact, rtol=0, atol=room)
    np.testing.assert_allclose(found_positive, positive, rtol=0, atol=room)


@pytest.mark.parametrize("name", CASES)
def test_units_are_removed_and_restored(name):
    objective, at, plain = case(name)
    scaled, units = objective.model.scaled()
    moved = units.remove(at)
    value = Objective(scaled, objective.weights)(moved) * units.label**2
    assert float(value) == pytest.approx(plain(at), rel=1e-10)
    back = ravel_pytree(units.restore(moved))[0]
    np.testing.assert_allclose(back, ravel_pytree(at)[0], rtol=1e-12)


def test_a_smoothed_relu_is_homogeneous_and_tends_to_the_relu():
    objective, at, _ = case("relu")
    smooth = objective.softened(jnp.asarray(0.1))
    larger = type(at)(3 * at.shared, at.heads / 3)
    assert float(smooth(larger)) == pytest.approx(float(smooth(at)), rel=1e-12)
    assert float(smooth(at)) != pytest.approx(float(objective(at)), rel=1e-5)
    sharp = objective.softened(jnp.asarray(1e-9))
    assert float(sharp(at)) == pytest.approx(float(objective(at)), rel=1e-7)


def test_classes_may_be_signs_and_padding_is_no_class():
    drawn = Tasks.from_data(
        [np.eye(3), np.eye(3)[:2]], [np.array([-1.0, 1, 1]), np.array([1.0, -1])]
    )
    rows_of = LogisticModel.from_tasks(drawn).rows
    np.testing.assert_array_equal(rows_of.labels, [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(rows_of.owner, [[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]])


def test_a_traced_mask_keeps_its_padding_and_the_loss():
    drawn, at = tasks(0, D), point(0, D, 2)

    @jax.jit
    def value(drawn):
        return Objective(ReluModel.from_tasks(drawn), jnp.asarray(WEIGHTS))(at)

    known = Objective(ReluModel.from_tasks(drawn), jnp.asarray(WEIGHTS))(at)
    assert float(value(drawn)) == pytest.approx(float(known), rel=1e-13)
