import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulations.training.alternating_reference import alternate
from tests.strategies import PAIRS, SEED, problems, rounding_at
from theory.linear import common_covariance_optimum, single_task_optimum, task_losses
from theory.linear.loss import loss

KEY = jax.random.key(0)
WELL = ("plain", "common", "columns", "few rows", "repeated")


@given(
    problem=problems(PAIRS, WELL), seed=SEED, steps=st.sampled_from([(1, 2), (2, 40)])
)
@pytest.mark.long
@settings(max_examples=15)
def test_more_steps_are_never_worse(problem, seed, steps):
    tasks, weights = problem.build()
    key = jax.random.key(seed)
    few, many = (alternate(tasks, 1, weights, key, starts=4, steps=n) for n in steps)
    room = jnp.stack(
        [
            rounding_at(tasks, weights, heads @ shared.T)
            for heads, shared in zip(few.heads, few.shared, strict=True)
        ]
    )
    # Besides rounding, the ridge of 1e-13 of a block's trace.
    assert (many.loss <= few.loss + room + 1e-12 * weights @ tasks.energy).all()


@given(problem=problems(PAIRS, WELL))
@settings(max_examples=15)
def test_its_loss_is_that_of_its_module_and_heads(problem):
    tasks, weights = problem.build()
    found = alternate(tasks, 1, weights, KEY, starts=4, steps=2)
    for shared, heads, value in zip(*found, strict=True):
        room = rounding_at(tasks, weights, heads @ shared.T)
        assert abs(loss(tasks, shared, heads, weights) - value) <= room


def test_it_reaches_the_closed_form_for_one_matrix():
    tasks, _ = next_problem("common")
    weights = jnp.asarray([0.5, 2.0])
    best = common_covariance_optimum(tasks, 1, weights).loss
    found = alternate(tasks, 1, weights, KEY, starts=8, steps=300)
    np.testing.assert_allclose(found.loss, best, rtol=1e-9)


def test_a_wide_module_reaches_the_tasks_alone_in_one_step():
    tasks, _ = next_problem("plain")
    alone = jnp.sum(task_losses(tasks, single_task_optimum(tasks)))
    found = alternate(tasks, 2, jnp.ones(2), KEY, starts=4, steps=300)
    np.testing.assert_allclose(found.loss, alone, rtol=1e-9)


def next_problem(kind):
    from tests.strategies import Problem

    return Problem(5, (2, 4), kind).build()
