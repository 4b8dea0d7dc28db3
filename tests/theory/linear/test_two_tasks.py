"""The certified optimum of two tasks against starts and digits."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from simulations.draws.figure_3_tasks import figure_3_tasks
from simulations.sampling import sample_statistics
from tests.simulations.training.alternating_reference import alternate
from tests.strategies import (
    KINDS,
    Kind,
    join,
    problems,
    rounding_at,
    rows,
    statistics,
)
from tests.theory.differences import differences_agree
from theory.linear import (
    SharedOptimum,
    best_heads,
    loss,
    shared_optimum,
    single_task_optimum,
    task_losses,
    two_task_optimum,
)
from theory.tasks import TaskStatistics

ONES = jnp.ones(2)
EPS = np.finfo(float).eps


def explained(found: TaskStatistics, weights: jnp.ndarray) -> float:
    return float(jnp.sum(found.energy * weights))


@partial(jax.jit, static_argnames="starts")
def compare(found: TaskStatistics, weights: jax.Array, starts: int) -> tuple:
    """The optimum, and for every start its loss and what rounding leaves of it."""
    best = two_task_optimum(found, weights)
    tried = alternate(found, 1, weights, jax.random.key(0), starts=starts, steps=100)
    losses = jax.vmap(lambda b, a: loss(found, b, a, weights))(*tried[:2])
    theta = tried.heads @ jnp.swapaxes(tried.shared, 1, 2)
    return best, losses, rounding_at(found, weights, theta)


def assert_best(found: TaskStatistics, weights: jax.Array, starts: int) -> None:
    best, losses, rounding = compare(found, weights, starts)
    assert best.loss <= jnp.min(losses + rounding) + best.rounding
    assert best.lower_bound <= jnp.min(losses + rounding)
    # The loss itself may be negative by its rounding, and the bound is that less again.
    assert -2 * best.rounding <= best.lower_bound <= best.loss
    assert (best.shared.shape, best.heads.shape) == ((found.dimension, 1), (2, 1))


@pytest.mark.long
@settings(max_examples=60)
@given(problem=problems())
def test_no_start_of_alternating_least_squares_is_better(problem):
    assert_best(*problem.build(), starts=40)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_problems_by_200_starts(kind: Kind):
    rng = np.random.default_rng(0)
    for seed in range(143):  # times seven kinds
        weights = jnp.asarray(10 ** rng.uniform(-2, 2, 2)) if seed % 3 else ONES
        assert_best(statistics(seed, 2, (4, 9)[seed % 2], kind), weights, starts=200)


# Equal columns are certified from rows: from statistics alone they may differ.
@pytest.mark.parametrize("kind", ["plain", "columns", "few rows", "common"])
def test_ordinary_problems_are_certified(kind: Kind):
    batch = join(*(statistics(seed, 2, 4, kind) for seed in range(30)))
    found = jax.jit(jax.vmap(lambda s: two_task_optimum(s, ONES)))(batch)
    assert jnp.all(found.certified)
    assert jnp.all(found.gap <= 1e-9 * jnp.sum(batch.energy, axis=1))


def test_a_condition_number_of_1e12_by_units_is_certified():
    xs, ys = rows(5, 2, 3)
    plain = shared_optimum(TaskStatistics.from_data(xs, ys), 1)
    units = np.array([1e-6, 1, 1e6])
    found = shared_optimum(TaskStatistics.from_data([x * units for x in xs], ys), 1)
    assert found.certified
    np.testing.assert_allclose(found.loss, plain.loss, rtol=1e-12)


@pytest.mark.parametrize("full_rank", [None, True])
def test_a_singular_sum_whose_factor_has_no_small_pivot_is_seen(full_rank):
    # 4 + 4 rows in 9 dimensions, fitted by one direction; the last pivot of the sum's
    # Cholesky factor is 7e-6, and 2.9 was once certified.
    found = statistics(13, 2, 9, "few rows")
    weights = jnp.array([28.36061795, 1.46502448])
    best = two_task_optimum(found, weights, full_rank=full_rank)
    assert best.lower_bound <= best.rounding
    assert best.loss <= best.rounding or not best.certified
    assert best.certified or full_rank


def assert_loss(found: TaskStatistics, weights, expected: float) -> None:
    best = two_task_optimum(found, jnp.asarray(weights))
    assert best.certified
    scale = 1e2 * EPS * explained(found, jnp.asarray(weights)) + best.rounding
    np.testing.assert_allclose(best.loss, expected, atol=scale, rtol=0)


def test_optima_at_the_ends_and_of_nothing():
    gram = jnp.stack([jnp.eye(2), 2 * jnp.eye(2)])
    energy, samples = jnp.array([3.0, 5.0]), jnp.array([9.0, 9.0])

    def tasks(moment: list[list[float]], *, seen: float = 1.0) -> TaskStatistics:
        return TaskStatistics(seen * gram, jnp.array(moment), energy, samples)

    # Orthogonal solutions: the task that explains more takes the module.
    assert_loss(tasks([[1.0, 0], [0, 1.0]]), [1.0, 1.0], 8 - 1)
    assert_loss(tasks([[1.0, 0], [0, 2.0]]), [1.0, 1.0], 8 - 2)
    # One task without signal, none with, none with rows, and one without weight.
    assert_loss(tasks([[1.0, 1.0], [0, 0]]), [1.0, 1.0], 8 - 2)
    assert_loss(tasks([[1.0, 0], [0, 1.0]]), [0.0, 3.0], 3 * 4.5)
    # A tie all the way round, where no interval is ever settled, and labels that no
    # column explains, where a share of nothing is allowed: brackets, not certificates.
    for moment, seen, least in (
        ([[1.0, 0], [0, 2**0.5]], 1.0, 7.0),
        ([[0.0, 0], [0, 0]], 1.0, 8.0),
        ([[0.0, 0], [0, 0]], 0.0, 8.0),
    ):
        best = two_task_optimum(tasks(moment, seen=seen), ONES)
        assert best.lower_bound <= least <= best.loss + best.rounding
        assert best.gap <= 1e-3
    nothing = TaskStatistics(gram, jnp.zeros((2, 2)), jnp.zeros(2), samples)
    assert_loss(nothing, ONES, 0)


def test_few_rows_fit_both_tasks_and_say_so():
    found = statistics(0, 2, 6, "few rows")
    best = shared_optimum(found, 1)
    assert best.certified
    # 3 + 3 rows and 6 columns: one B interpolates both.
    assert best.loss <= 1e3 * EPS * explained(found, ONES)
    assert "task 1: covariates have rank 3 of 6" in best.describe()
    assert "certified" in best.describe()


def test_an_inner_direction_that_one_task_lacks():
    # Task 2 alone sees column 2, task 1 has the larger signal in columns 0 and 1.
    found = TaskStatistics(
        jnp.stack([jnp.diag(jnp.array([1.0, 1, 0])), jnp.diag(jnp.array([1.0, 1, 1]))]),
        jnp.array([[2.0, 0, 0], [0, 0.5, 0.7]]),
        jnp.array([5.0, 2.0]),
        jnp.array([9.0, 9.0]),
    )
    # F = (c²4 + s²/4)/1 + 0.49 for s ≠ 0: approached at s → 0, not attained.
    best = two_task_optimum(found, ONES)
    np.testing.assert_allclose(best.lower_bound, 7 - 4.49, atol=1e-12)
    assert best.loss <= 7 - 4.49 + max(1e-12, float(best.rounding))


@settings(max_examples=8)
@given(problem=problems())
def test_order_sign_and_weights_scale(problem):
    found, weights = problem.build()
    best = two_task_optimum(found, weights)
    scale = best.rounding + 1e-9 * explained(found, weights)
    turned = two_task_optimum(found.select([1, 0]), weights[::-1])
    np.testing.assert_allclose(turned.loss, best.loss, atol=scale)
    sign = TaskStatistics(
        found.gram, found.moment * jnp.array([[-1.0], [1]]), found.energy, found.samples
    )
    np.testing.assert_allclose(
        two_task_optimum(sign, weights).loss, best.loss, atol=scale
    )
    larger = two_task_optimum(found, 8 * weights)
    np.testing.assert_allclose(larger.loss, 8 * best.loss, atol=8 * scale)


def test_coordinates_of_the_inputs_do_not_matter():
    xs, ys = rows(6, 2, 4)
    change = np.random.default_rng(6).normal(size=(4, 4))
    best = two_task_optimum(TaskStatistics.from_data(xs, ys), ONES)
    moved = TaskStatistics.from_data([x @ change for x in xs], ys)
    found = two_task_optimum(moved, ONES)
    np.testing.assert_allclose(found.loss, best.loss, rtol=1e-11)
    np.testing.assert_allclose(
        found.parameters @ change.T, best.parameters, rtol=1e-7, atol=1e-8
    )


def test_module_and_heads_are_stationary():
    found = statistics(7, 2, 4)
    weights = jnp.array([0.3, 2.0])
    best = two_task_optimum(found, weights)
    slopes = jax.grad(lambda b, a: loss(found, b, a, weights), (0, 1))(
        best.shared, best.heads
    )
    size = explained(found, weights)
    for slope in slopes:
        # A value known to 10 d ε of the energy leaves the angle free to its root.
        assert jnp.max(jnp.abs(slope)) <= (40 * EPS) ** 0.5 * size
    np.testing.assert_allclose(best.heads, best_heads(found, best.shared))
    alone = task_losses(found, single_task_optimum(found))
    assert best.loss >= jnp.sum(weights * alone)


def test_rounding_is_at_least_what_an_error_of_4_eps_in_the_statistics_does():
    for kind in ("plain", "columns", "condition"):
        found = statistics(8, 2, 4, kind)
        best = two_task_optimum(found, ONES)
        # rounding_at allows 8 ε.
        least = rounding_at(found, ONES, best.parameters) / 2
        assert best.rounding >= (1 - 1e-12) * least


def test_a_batch_is_its_problems_and_full_rank_changes_nothing():
    batch = [statistics(seed, 2, 4) for seed in range(8)]
    every = jax.jit(jax.vmap(lambda s: two_task_optimum(s, ONES, full_rank=True)))(
        join(*batch)
    )
    for index, found in enumerate(batch):
        one = two_task_optimum(found, ONES)
        np.testing.assert_allclose(every.loss[index], one.loss, rtol=1e-13)
        np.testing.assert_allclose(
            every.lower_bound[index], one.lower_bound, rtol=1e-11
        )
        np.testing.assert_allclose(every.parameters[index], one.parameters, rtol=1e-8)
        assert every.certified[index]


def test_full_rank_is_not_certified_where_it_is_wrong():
    found = statistics(0, 2, 4, "repeated")
    gram = found.gram.at[:, 3].set(0).at[:, :, 3].set(0)
    found = TaskStatistics(
        gram, found.moment.at[:, 3].set(0), found.energy, found.samples
    )
    best = two_task_optimum(found, ONES, full_rank=True)
    assert not best.certified or jnp.isfinite(best.loss)
    assert two_task_optimum(found, ONES).certified


def test_a_small_search_leaves_an_honest_bracket():
    found = statistics(9, 2, 4, "split")
    large = two_task_optimum(found, ONES)
    small = two_task_optimum(found, ONES, capacity=2)
    assert small.lower_bound <= large.loss <= small.loss + small.rounding


def test_a_search_of_more_intervals_than_it_begins_with_runs():
    # Traced only: it is compiled for problems that the default search leaves open,
    # such as the ill-conditioned ones above.
    found = statistics(9, 2, 4)
    best = jax.eval_shape(lambda s: two_task_optimum(s, ONES, capacity=2048), found)
    assert best.loss.shape == ()


@pytest.mark.long
def test_fewer_rows_than_inputs_leave_exact_zeros_that_do_not_spoil_a_certificate():
    def one(key):
        task_key, target_key, source_key = jax.random.split(key, 3)
        tasks = figure_3_tasks(task_key, 20)
        target = sample_statistics(
            target_key, tasks.target_root, tasks.target_parameter, 10.0, 10.0
        )
        source = sample_statistics(
            source_key, tasks.source_roots[2], tasks.source_parameter, 10.0, 1000.0
        )
        both = TaskStatistics.stack([target, source])
        return two_task_optimum(both, jnp.ones(2), full_rank=True)

    found = jax.vmap(one)(jax.random.split(jax.random.key(0), 32))
    assert jnp.all(found.certified)
    assert jnp.all(found.rank == jnp.array([10.0, 20.0]))


def optimum(gram, moment, energy, samples, weights) -> SharedOptimum:
    tasks = TaskStatistics((gram + gram.mT) / 2, moment, energy, samples)
    return jax.vmap(lambda one: two_task_optimum(one, weights))(tasks)


def test_derivatives_are_those_of_differences():
    found = join(*(statistics(seed, 2, 4) for seed in range(4)))
    point = (*jax.tree.leaves(found), jnp.array([0.7, 1.6]))
    # The angle is known to √ε times a little and differences divide it by 1e-4; their
    # truncation is 1e-8 times third derivatives.
    for field, room in (("loss", 1e-6), ("parameters", 1e-4)):
        differences_agree(
            lambda *x, field=field: getattr(optimum(*x), field),
            point,
            step=1e-4,
            rtol=room,
            atol=room,
        )
