"""The loss from statistics against the loss from rows."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from tests.strategies import SEED, rows
from theory.linear import best_heads, loss, task_losses
from theory.tasks import TaskStatistics

# ε e_i per task and a few dozen operations.
ROUNDING = 1e2 * np.finfo(float).eps


@settings(max_examples=20)
@given(seed=SEED, kind=st.sampled_from(["plain", "few rows"]))
def test_loss_is_that_of_the_rows(seed, kind):
    xs, ys = rows(seed, 3, 4, kind)
    rng = np.random.default_rng(seed)
    shared, heads = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    weights = rng.uniform(0, 3, 3)
    direct = [
        np.sum((x @ shared @ a - y) ** 2) for x, y, a in zip(xs, ys, heads, strict=True)
    ]
    found = TaskStatistics.from_data(xs, ys)
    scale = ROUNDING * (np.sum(found.energy) + np.sum(direct))
    np.testing.assert_allclose(
        task_losses(found, jnp.asarray(heads @ shared.T)), direct, atol=scale
    )
    both = jnp.asarray(shared), jnp.asarray(heads)
    np.testing.assert_allclose(loss(found, *both), np.sum(direct), atol=3 * scale)
    weighted = loss(found, *both, jnp.asarray(weights))
    np.testing.assert_allclose(weighted, weights @ direct, atol=9 * scale)


@settings(max_examples=20)
@given(seed=SEED, width=st.sampled_from([1, 2]))
def test_best_heads_are_least_squares_on_the_projected_rows(seed, width):
    xs, ys = rows(seed, 3, 4)
    shared = np.random.default_rng(seed).normal(size=(4, width))
    direct = [
        np.linalg.lstsq(x @ shared, y, rcond=None)[0]
        for x, y in zip(xs, ys, strict=True)
    ]
    heads = best_heads(TaskStatistics.from_data(xs, ys), jnp.asarray(shared))
    # Conditions of a few rows' 4 x 2 products squared: 1e4 ε at most.
    np.testing.assert_allclose(heads, direct, rtol=1e-9, atol=1e-9)


def test_heads_of_a_direction_that_a_task_does_not_see_are_zero():
    xs, ys = rows(0, 2, 3)
    xs[1][:, 0] = 0
    found = TaskStatistics.from_data(xs, ys)
    for width in (1, 2):
        shared = jnp.eye(3)[:, :1] * jnp.ones((1, width))
        heads = best_heads(found, shared)
        np.testing.assert_array_equal(heads[1], 0)
        assert np.all(heads[0] != 0)


def test_gradient_of_the_loss_is_that_of_finite_differences():
    found = TaskStatistics.from_data(*rows(1, 2, 3))
    rng = np.random.default_rng(1)
    point = jnp.asarray(rng.normal(size=(3, 2))), jnp.asarray(rng.normal(size=(2, 2)))
    check_grads(
        lambda b, a: loss(found, *map(jnp.asarray, (b, a))),
        point,
        order=1,
        modes=("rev",),
    )
