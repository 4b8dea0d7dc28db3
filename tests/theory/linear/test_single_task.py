"""Tasks alone against numpy's least squares on the rows."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import SEED, rows, statistics
from theory.linear import single_task_optimum, task_ranks
from theory.linear.single_task import minimum_norm_solution
from theory.tasks import TaskStatistics

# Condition of the scaled Gram matrix of Gaussian rows, squared sums of at most 40
# terms, over 1e3 draws: 1e6 ε is 2e-10.
ACCURACY = 1e6 * np.finfo(float).eps


@settings(max_examples=30)
@given(seed=SEED, kind=st.sampled_from(["plain", "few rows", "repeated"]))
def test_least_norm_solution_is_that_of_lstsq(seed, kind):
    xs, ys = rows(seed, 3, 4, kind)
    direct = [
        np.linalg.lstsq(x, y, rcond=1e-10)[0] for x, y in zip(xs, ys, strict=True)
    ]
    found = TaskStatistics.from_data(xs, ys)
    scale = np.max(np.abs(direct))
    # Two rows may be almost parallel, so that only the fit is well conditioned.
    condition = max(np.linalg.cond(x, 2) if kind != "repeated" else 1 for x in xs) ** 2
    error = np.abs(single_task_optimum(found) - np.asarray(direct)).max()
    assert error <= ACCURACY * max(condition, 1) * scale
    rank = {"plain": 4, "few rows": 2, "repeated": 3}[kind]
    np.testing.assert_array_equal(task_ranks(found), rank)


def test_units_of_the_columns_do_not_matter():
    xs, ys = rows(3, 2, 4)
    units = np.logspace(-9, 9, 4)
    plain = single_task_optimum(TaskStatistics.from_data(xs, ys))
    scaled = TaskStatistics.from_data([x * units for x in xs], ys)
    np.testing.assert_allclose(single_task_optimum(scaled) * units, plain, rtol=1e-10)
    np.testing.assert_array_equal(task_ranks(scaled), 4)


def test_zero_columns_get_zero():
    xs, ys = rows(4, 2, 3)
    xs[0][:, 1] = 0
    found = single_task_optimum(TaskStatistics.from_data(xs, ys))
    assert found[0, 1] == 0
    assert np.all(np.isfinite(found))


def test_derivative_is_that_of_the_inverse_even_where_eigenvalues_meet():
    gram = 2 * jnp.eye(3)
    moment = jnp.array([1.0, -2.0, 0.5])
    change = jnp.array([[0.3, 0.1, 0.0], [0.1, -0.2, 0.4], [0.0, 0.4, 0.1]])
    _, tangent = jax.jvp(
        minimum_norm_solution, (gram, moment), (change, jnp.array([1.0, 0, 0]))
    )
    expected = (jnp.array([1.0, 0, 0]) - change @ moment / 2) / 2
    np.testing.assert_allclose(tangent, expected, rtol=1e-13, atol=1e-15)


def test_32_bits_are_accepted_for_a_solution_without_certificate():
    found = statistics(0, 2, 4)
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), found)
    # Conditions are below 1e3, so three of seven digits go.
    np.testing.assert_allclose(
        single_task_optimum(single), single_task_optimum(found), rtol=1e-2, atol=1e-3
    )
