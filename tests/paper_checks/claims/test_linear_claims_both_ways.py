"""W-P1, W-P1r, W-LM and W-EX on drawn problems: they hold, and do not without a
hypothesis. Each has one shape, and so one compilation a route."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paper_checks.claims import (
    local_minima,
    noisy_copy,
    proposition_1,
    proposition_1_relu,
)
from tests.strategies import SEED, Kind, join, statistics
from theory.linear import one_less_optimum, shared_optimum
from theory.tasks import TaskStatistics
from theory.weighting import proposition_3_span

K, D = 2, 4
# Tasks whose solutions are unique; their units are alike, as the check's NumPy side
# takes eigenvalues below 1e-10 of the largest for rounding.
UNIQUE: tuple[Kind, ...] = ("plain", "condition", "common")

wide = jax.jit(jax.vmap(partial(shared_optimum, width=K)))
narrow = jax.jit(jax.vmap(partial(one_less_optimum, bounded=False)))


@pytest.mark.long
@settings(max_examples=20)
@given(seed=SEED, kind=st.sampled_from(UNIQUE))
def test_a_module_as_wide_as_the_tasks_shares_nothing_and_a_narrower_one_does(
    seed, kind
):
    tasks = join(statistics(seed, K, D, kind))
    found = proposition_1.compare_closed_form(tasks, wide(tasks))
    assert found.loss.holds.all(), found.loss
    assert found.parameters.holds.all(), found.parameters
    less = proposition_1.compare_closed_form(tasks, narrow(tasks, jnp.ones((1, K))))
    assert not less.loss.holds.any()
    assert not less.parameters.holds.any()


@pytest.mark.long
@settings(max_examples=3)
@given(seed=SEED)
def test_relu_tasks_share_nothing_if_each_has_its_units_and_one_explains_it(seed):
    key = jax.random.key(seed)
    clean, noisy = (
        proposition_1_relu.measure(key, 3, *proposition_1_relu.PLANE, noise)
        for noise in (0.0, proposition_1_relu.NOISE)
    )
    apart, shared = proposition_1_relu.exact(clean.tasks)
    assert proposition_1_relu.check(clean.joint, apart, clean.energy).holds.all()
    # A unit less than the tasks need; or tasks that one unit each does not explain.
    assert not proposition_1_relu.check(shared, apart, clean.energy).holds.any()
    apart, _ = proposition_1_relu.exact(noisy.tasks)
    assert not proposition_1_relu.check(noisy.joint, apart, noisy.energy).holds.any()


@partial(jax.jit)
def what_they_are(tasks, least, points):
    return local_minima._examined(tasks, least, 1, points, local_minima.STATIONARY)


def of_solutions(gram: np.ndarray, theta: np.ndarray) -> TaskStatistics:
    """Labels `X_iθ_i` without noise."""
    moment = np.einsum("kde,ke->kd", gram, theta)
    return TaskStatistics(
        gram=jnp.asarray(gram),
        moment=jnp.asarray(moment),
        energy=jnp.asarray(np.sum(moment * theta, axis=1)),
        samples=jnp.full(2, 10.0),
    )


@settings(max_examples=40)
@given(seed=SEED, scale=st.floats(-3, 3))
def test_with_one_x_what_is_stationary_and_no_optimum_is_a_saddle(seed, scale):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, 2)) * 10**scale
    theta = rng.normal(size=(2, 2)) / 10**scale
    root = np.linalg.qr(x)[1]
    # Θ Rᵀ = UΣVᵀ: stationary are B = R⁻¹v_j with A_i = σ_j u_ij, and the origin.
    left, size, right = np.linalg.svd(theta @ root.T)
    assume(size[1] ** 2 > 1e-3 * size[0] ** 2)
    assume(size[1] ** 2 < 0.999 * size[0] ** 2)
    modules, heads = np.linalg.solve(root, right.T), left * size
    balance = np.sqrt(np.linalg.norm(heads, axis=0) / np.linalg.norm(modules, axis=0))
    points = np.concatenate([modules * balance, heads / balance]).T
    points = np.concatenate([points, np.zeros((1, 4))])
    tasks = of_solutions(np.stack([x.T @ x] * 2), theta)
    found = what_they_are(tasks, jnp.asarray(size[1] ** 2), jnp.asarray(points))
    assert found.found.all()
    assert not found.trap.any()
    np.testing.assert_array_equal(found.saddle, [False, True, True])


@settings(max_examples=40)
@given(
    loud=st.floats(1.1, 10.0),
    quiet=st.floats(0.01, 0.3),
    turn=st.floats(0, 2 * np.pi),
)
def test_without_one_x_a_point_that_is_no_optimum_may_be_a_minimum(loud, quiet, turn):
    # Each task's solution is along its quiet axis. B = θ_i fits task i alone, and is a
    # minimum: turned by t, task i loses t² and the other gains (quiet t)².
    q = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    gram = np.stack([loud * np.diag([quiet, 1.0]), np.diag([1.0, quiet])])
    tasks = of_solutions(q @ gram @ q.T, q.T)
    points = np.stack([[*q[:, 0], 1.0, 0.0], [*q[:, 1], 0.0, 1.0]])
    found = what_they_are(tasks, jnp.asarray(quiet), jnp.asarray(points))
    assert found.found.all()
    assert not found.saddle.any()
    # B = θ_1 loses the energy of task 2, which is the less.
    np.testing.assert_array_equal(found.trap, [False, True])


@jax.jit
def curve(tasks, theta, grid):
    """`cos(B*, θ)` along a grid of weights, by Proposition 3's span and `A_1 > 0`."""

    def one(weights):
        span = proposition_3_span(tasks.gram[0], tasks.moment, 1, weights)
        direction = span.basis[:, 0]
        sign = jnp.sign(direction @ tasks.moment[0])
        return sign * direction @ theta / jnp.linalg.norm(theta)

    return jax.vmap(one)(grid)[None]


draw = jax.jit(noisy_copy.problem)


@pytest.mark.long
@settings(max_examples=20)
@given(seed=SEED, noise=st.floats(-1, 2))
def test_a_modules_turn_to_the_clean_task_needs_the_clean_tasks_weight(seed, noise):
    tasks, theta = draw(jax.random.key(seed), 10.0**noise)
    clean = curve(tasks, theta, jnp.asarray(noisy_copy.CLEAN_GROWS))
    assert not noisy_copy.breaks(clean).any()
    copy = curve(tasks, theta, jnp.asarray(noisy_copy.COPY_GROWS))
    assert noisy_copy.breaks(copy).all()
