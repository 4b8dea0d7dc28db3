"""The reference that tests of theory compare with reaches what it should."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.simulations.training.alternating_reference import alternate
from tests.strategies import Problem
from theory.linear import common_covariance_optimum, single_task_optimum, task_losses


@pytest.mark.parametrize(("kind", "width"), [("common", 1), ("plain", 2)])
def test_it_reaches_the_closed_form(kind, width):
    tasks, _ = Problem(5, (2, 4), kind).build()
    weights = jnp.asarray([0.5, 2.0])
    best = (
        common_covariance_optimum(tasks, width, weights).loss
        if kind == "common"
        else weights @ task_losses(tasks, single_task_optimum(tasks))
    )
    found = alternate(tasks, width, weights, jax.random.key(0), starts=8, steps=300)
    np.testing.assert_allclose(found.loss, best, rtol=1e-9)
    # Its loss is that of its module and heads.
    theta = found.heads @ jnp.swapaxes(found.shared, 1, 2)
    again = jax.vmap(lambda one: weights @ task_losses(tasks, one))(theta)
    np.testing.assert_allclose(found.loss, again, rtol=1e-9)
