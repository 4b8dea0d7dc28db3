"""Every other route against hand computation, starts, and the choice among them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from tests.simulations.training.alternating_reference import alternate
from tests.strategies import (
    SEVERAL,
    Kind,
    Problem,
    join,
    problems,
    rounding_at,
    rows,
    statistics,
)
from tests.theory.certificate_instances import draw
from tests.theory.differences import differences_agree
from theory.linear import (
    SharedOptimum,
    common_covariance_optimum,
    multi_start_optimum,
    one_less_optimum,
    shared_optimum,
    single_task_optimum,
    task_losses,
)
from theory.linear.common_covariance import proportionality
from theory.linear.metric_bound import metric_lower_bound, whiten
from theory.tasks import Tasks, TaskStatistics

EPS = np.finfo(float).eps
SETTLED: tuple[Kind, ...] = ("plain", "columns", "few rows", "common", "repeated")
WEIGHTS = jnp.array([0.5, 2.0, 1.0])


def energy(found: TaskStatistics, weights) -> float:
    return float(jnp.sum(found.energy * jnp.asarray(weights)))


@partial(jax.jit, static_argnames="width")
def starts(found: TaskStatistics, width: int, weights: jax.Array) -> jax.Array:
    """Least loss of random alternating starts, with what rounding leaves of it."""
    key = jax.random.key(0)
    tried = alternate(found, width, weights, key, starts=20, steps=200)
    theta = tried.heads @ jnp.swapaxes(tried.shared, 1, 2)
    return jnp.min(tried.loss + rounding_at(found, weights, theta))


def test_a_common_covariance_is_eckart_young_on_rows():
    xs, ys = rows(0, 3, 4, "common")
    scales = np.sqrt([1.0, 4.0, 0.25])
    xs = [s * x for s, x in zip(scales, xs, strict=True)]
    found = TaskStatistics.from_data(xs, ys)
    fits = [
        x @ np.linalg.lstsq(x, y, rcond=None)[0] for x, y in zip(xs, ys, strict=True)
    ]
    residual = sum(
        w * np.sum((y - f) ** 2) for w, y, f in zip(WEIGHTS, ys, fits, strict=True)
    )
    signal = np.sqrt(WEIGHTS)[:, None] * np.array(fits)
    for width in (1, 2):
        lost = np.sum(np.linalg.svd(signal, compute_uv=False)[width:] ** 2)
        best = shared_optimum(found, width, WEIGHTS)
        assert best.certified
        assert "Eckart-Young" in best.route
        np.testing.assert_allclose(best.loss, residual + lost, rtol=1e-12)
        assert best.shared.shape == (4, width)
        tried = multi_start_optimum(found, width, WEIGHTS)
        np.testing.assert_allclose(tried.loss, best.loss, rtol=1e-8)
        # For proportional covariances the metric bound is exact.
        assert tried.lower_bound >= (1 - 1e-6) * best.loss - best.rounding


def test_a_deviation_from_proportional_lowers_the_bound_by_what_it_may_hide():
    xs, ys = rows(1, 3, 4, "common")
    found = TaskStatistics.from_data(xs, ys)
    change = 1e-3 * jnp.diag(jnp.array([1.0, -1, 1, -1])) * found.gram[0, 0, 0]
    near = TaskStatistics(
        found.gram.at[0].add(change), found.moment, found.energy, found.samples
    )
    deviation = proportionality(near)
    assert 1e-5 < deviation < 1e-1
    assert proportionality(found) < 1e-12
    best = multi_start_optimum(near, 1, WEIGHTS)
    sure = common_covariance_optimum(near, 1, WEIGHTS)
    assert not sure.certified
    assert sure.lower_bound <= best.loss
    assert sure.lower_bound < sure.loss - deviation * best.loss
    # Proportional ones lose what rounding hides, and few rows only where it is assumed
    # that their null spaces are one.
    for few in (False, True):
        xs, ys = rows(1, 3, 4, "common")
        same = TaskStatistics.from_data(
            [x[: 3 if few else None] for x in xs], [y[: 3 if few else None] for y in ys]
        )
        assert common_covariance_optimum(same, 1, WEIGHTS).certified
        any_rows = common_covariance_optimum(same, 1, WEIGHTS, assumed=False)
        assert any_rows.certified != few
        assert not few or any_rows.lower_bound <= 0


def test_one_ill_conditioned_matrix_for_all_is_proportional():
    # Condition 1e12: whitening alone is off by 1e-4, but equal matrices are equal.
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    x = rng.normal(size=(40, 4)) @ (turn * 10.0 ** -np.arange(0, 8, 2))
    y = [x @ turn[0] + rng.normal(size=40) for _ in range(3)]
    found = TaskStatistics.from_data([x] * 3, y)
    assert proportionality(found) == 0
    assert "Eckart-Young" in shared_optimum(found, 1).route


def explained_alone(found: TaskStatistics) -> jax.Array:
    return jnp.sum(WEIGHTS * (found.energy - losses_alone(found)))


def losses_alone(found: TaskStatistics) -> jax.Array:
    return task_losses(found, single_task_optimum(found))


@pytest.mark.parametrize("kind", ["plain", "few rows", "repeated"])
@pytest.mark.parametrize("shape", [(3, 4, 3), (3, 4, 5), (5, 4, 4)])
def test_a_wide_module_fits_every_task_alone(kind: Kind, shape):
    k, d, width = shape
    tasks = Tasks.from_data(*rows(2, k, d, kind))
    found = tasks.statistics()
    best = shared_optimum(tasks, width)
    assert best.certified
    assert shared_optimum(found, width).certified == (kind != "repeated")
    assert "r >= min(k, d)" in best.route
    np.testing.assert_allclose(
        best.loss, jnp.sum(losses_alone(found)), atol=1e4 * EPS * energy(found, 1.0)
    )
    assert best.shared.shape == (d, width)
    assert best.heads.shape == (k, width)
    said = "covariates have rank" in best.describe()
    assert said == (kind != "plain")


def assert_bracket(best: SharedOptimum, found: TaskStatistics, width: int, weights):
    other = starts(found, width, weights)
    rounding = best.rounding + 1e2 * EPS * energy(found, weights)
    # BFGS stops at 1e-9 of the explained energy.
    assert best.loss <= other + rounding + 1e-8 * energy(found, weights)
    assert best.lower_bound <= other
    assert best.lower_bound <= best.loss
    # Of dependent columns a difference that rounding hides may explain all labels.
    if jnp.all(best.rank == found.dimension):
        alone = jnp.sum(jnp.asarray(weights) * losses_alone(found))
        assert best.lower_bound >= alone - rounding


@pytest.mark.long
@settings(max_examples=15)
@given(problem=problems(SEVERAL, ("plain", "columns", "split", "condition")))
def test_r_one_below_k_beats_starts_and_multi_start(problem):
    found, weights = problem.build()
    width = found.count - 1
    if width >= found.dimension:
        return
    best = one_less_optimum(found, weights)
    assert_bracket(best, found, width, weights)
    other = multi_start_optimum(found, width, weights)
    assert best.loss <= other.loss + best.rounding + 1e-8 * energy(found, weights)


@pytest.mark.long
@settings(max_examples=15)
# `split` is below: whitening rounds it. For `condition` 12 starts may all stop in other
# minima than the best (seed 0: 8 % above), which is why they are not certified.
@given(problem=problems(SEVERAL, SETTLED))
def test_multi_start_beats_alternating_starts(problem):
    found, weights = problem.build()
    assert_bracket(multi_start_optimum(found, 2, weights), found, 2, weights)


@jax.jit
def bound_of(found: TaskStatistics, weights: jax.Array) -> jax.Array:
    return metric_lower_bound(whiten(found, weights), 1)


@settings(max_examples=15)
@given(problem=problems(SEVERAL))
def test_the_metric_bound_is_below_every_start(problem):
    found, weights = problem.build()
    best = starts(found, 1, weights)
    bound = bound_of(found, weights)
    assert bound <= best + 1e2 * EPS * energy(found, weights)


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 4])
def test_an_own_start_is_used_where_whitening_rounds(seed):
    # Units over 5 decades that differ between tasks and weights over 4.
    found, weights = Problem(seed, (3, 4), "split").build()
    tried = alternate(found, 2, weights, jax.random.key(0), starts=20, steps=200)
    own = tried.shared[jnp.argmin(tried.loss)][None]
    best = multi_start_optimum(found, 2, weights, extra_starts=own, bounded=False)
    assert best.loss <= jnp.min(tried.loss) + best.rounding
    alone = multi_start_optimum(found, 2, weights, bounded=False)
    assert alone.loss <= 1.0001 * jnp.min(tried.loss)


def test_routes_are_chosen_by_values_and_by_shapes_when_traced():
    three = statistics(0, 3, 4)
    assert "annihilates" in shared_optimum(three, 2).route
    assert shared_optimum(three, 1).route == "skew dual"
    assert "multi-start" in shared_optimum(three, 2, [1.0, 0.0, 1.0]).route
    assert "multi-start" in shared_optimum(statistics(0, 3, 4, "repeated"), 2).route
    pair = statistics(0, 2, 4)
    assert "branch and bound" in shared_optimum(pair, 1).route
    for kind in ("plain", "common"):
        traced = jax.eval_shape(
            lambda s: shared_optimum(s, 1), statistics(0, 2, 4, kind)
        )
        assert "branch and bound" in traced.route
    assert "multi-start" in jax.eval_shape(lambda s: shared_optimum(s, 2), three).route


def test_a_task_of_weight_0_does_not_count():
    found = statistics(5, 3, 4)
    best = shared_optimum(found, 1, [1.0, 0.0, 2.0])
    pair = shared_optimum(found.select([0, 2]), 1, [1.0, 2.0])
    np.testing.assert_allclose(best.loss, pair.loss, rtol=1e-8)
    assert best.lower_bound <= pair.loss


@pytest.mark.parametrize("width", [1, 2])
def test_the_gradient_of_the_loss_is_that_of_differences(width):
    def loss(gram, moment, energy, samples) -> jax.Array:
        tasks = TaskStatistics((gram + gram.mT) / 2, moment, energy, samples)
        if width == 2:
            return one_less_optimum(tasks, WEIGHTS, bounded=False).loss
        return multi_start_optimum(tasks, 1, WEIGHTS, bounded=False).loss

    # BFGS leaves 1e-10 in the loss, so 1e-6 in the difference.
    point = tuple(jax.tree.leaves(statistics(6, 3, 4)))
    differences_agree(loss, point, step=1e-4, atol=2e-5)


def test_routes_are_batched():
    batch = [statistics(seed, 3, 4) for seed in range(3)]
    every = jax.vmap(lambda s: one_less_optimum(s, WEIGHTS, bounded=False))(
        join(*batch)
    )
    for index, one in enumerate(batch):
        single = one_less_optimum(one, WEIGHTS, bounded=False)
        np.testing.assert_allclose(every.loss[index], single.loss, rtol=1e-8)
    assert every.parameters.shape == (3, 3, 4)


def test_a_task_that_others_dwarf_has_a_loss():
    # In the common metric the second task has no inverse: the search finds only NaN.
    problem = draw("bracket", 61)
    tasks = TaskStatistics.from_data(problem.covariates, problem.labels)
    weights = jnp.asarray(problem.weights)
    assert not jnp.isfinite(one_less_optimum(tasks, weights).loss)
    found = shared_optimum(tasks, 2, weights)
    assert found.route.startswith("multi-start")
    assert found.lower_bound <= found.loss <= weights @ tasks.energy
