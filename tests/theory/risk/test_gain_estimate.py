"""Estimates from labels, against their means over drawn labels and NumPy's own."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from theory.risk import weighted_risk
from theory.risk.chi_square_interval import energy_interval, variance_interval
from theory.risk.estimates import task_estimates
from theory.risk.gain_estimate import estimate_gain, pairwise_gains
from theory.risk.source_weights import source_weights
from theory.tasks import TaskStatistics

D, K, TARGET = 4, 3, 1
SIZES = (15, 12, 20)
NOISE = np.array([0.5, 1.0, 0.8])
WEIGHTS = np.array([0.4, 0.8, 1.3])
DRAWS = 20_000
SCORE = 1.959964


class Problem(NamedTuple):
    rows: list[np.ndarray]
    parameters: np.ndarray
    grams: np.ndarray


def problem(shift: float = 0.4, absent: bool = False) -> Problem:
    """Three tasks; with `absent` the target has no value in its second column."""
    rng = np.random.default_rng(3)
    rows = [
        rng.normal(size=(m, D)) * np.geomspace(1, 1 + i, D) for i, m in enumerate(SIZES)
    ]
    if absent:
        rows[TARGET][:, 1] = 0
    parameters = rng.normal(size=D) + shift * rng.normal(size=(K, D))
    return Problem(rows, parameters, np.stack([x.T @ x for x in rows]))


def labels(made: Problem, draws: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        x @ b + s * rng.normal(size=(draws, len(x)))
        for x, b, s in zip(made.rows, made.parameters, NOISE, strict=True)
    ]


def drawn(made: Problem, draws: int, seed: int = 0) -> TaskStatistics:
    y = labels(made, draws, seed)
    moments = [one @ x for one, x in zip(y, made.rows, strict=True)]
    return TaskStatistics(
        jnp.broadcast_to(made.grams, (draws, *made.grams.shape)),
        jnp.stack([jnp.asarray(g) for g in moments], axis=1),
        jnp.stack([jnp.sum(jnp.asarray(one) ** 2, axis=1) for one in y], axis=1),
        jnp.broadcast_to(jnp.asarray(SIZES, float), (draws, K)),
    )


@jax.jit
@jax.vmap
def everything(statistics: TaskStatistics):
    tasks = task_estimates(statistics)
    gain = estimate_gain(statistics, WEIGHTS, target=TARGET, new_rows=False)
    return tasks.noise_variance, gain


@pytest.mark.long
def test_noise_and_gain_are_unbiased_and_the_interval_covers():
    made = problem()
    noise, gain = everything(drawn(made, DRAWS))

    def assert_mean(found, known):
        error = np.std(np.asarray(found), axis=0) / np.sqrt(DRAWS)
        assert np.all(np.abs(np.mean(found, axis=0) - known) <= 5 * error + 1e-15)

    assert_mean(noise, NOISE**2)
    metric = made.grams / np.array(SIZES)[:, None, None]
    known = weighted_risk(
        made.grams,
        made.parameters,
        NOISE**2,
        WEIGHTS,
        target=TARGET,
        target_covariance=metric[TARGET],
    )
    assert_mean(gain.gain, float(known.gain))
    assert_mean(gain.alone, float(known.single_task))
    inside = (gain.low <= known.gain) & (known.gain <= gain.high)
    # The level is approximate: 0.90 to 0.98 over 29 settings, and sampling adds 0.006.
    assert 0.89 < np.mean(inside) < 0.99


@pytest.mark.parametrize("absent", [False, True])
def test_the_estimate_is_mallows_statistic_of_the_rows(absent):
    made = problem(absent=absent)
    (one,) = [jax.tree.map(lambda leaf: leaf[0], drawn(made, 1))]
    y = [label[0] for label in labels(made, 1)]
    x = made.rows[TARGET]
    own = np.linalg.pinv(x) @ y[TARGET]
    pooled_rows = np.concatenate(
        [np.sqrt(w) * rows for w, rows in zip(WEIGHTS, made.rows, strict=True)]
    )
    pooled_labels = np.concatenate(
        [np.sqrt(w) * label for w, label in zip(WEIGHTS, y, strict=True)]
    )
    inverse = np.linalg.pinv(pooled_rows)
    pooled = inverse @ pooled_labels
    m, rank = SIZES[TARGET], D - absent
    noise = np.sum((y[TARGET] - x @ own) ** 2) / (m - rank)
    hat = WEIGHTS[TARGET] * np.sum((x @ inverse @ inverse.T) * x)
    wanted = 2 * noise * (rank - hat) / m - np.sum((x @ (pooled - own)) ** 2) / m
    found = estimate_gain(one, WEIGHTS, target=TARGET, new_rows=False)
    np.testing.assert_allclose(float(found.gain), wanted, rtol=1e-10)
    np.testing.assert_allclose(float(found.noise), noise, rtol=1e-10)


new_rows_gain = jax.jit(
    jax.vmap(lambda tasks: estimate_gain(tasks, np.ones(2), new_rows=True).gain)
)


@pytest.mark.long
def test_the_gain_on_new_rows_is_that_of_the_population():
    rng, (d, sizes, draws) = np.random.default_rng(4), (10, (15, 25), 6000)
    spectrum = np.geomspace(0.2, 5, d)
    roots = np.sqrt([spectrum[::-1], spectrum])
    b = rng.normal(size=(1, d)) + 0.1 * rng.normal(size=(2, d))
    x = [rng.normal(size=(draws, m, d)) * s for m, s in zip(sizes, roots, strict=True)]
    y = [one @ p + rng.normal(size=one.shape[:2]) for one, p in zip(x, b, strict=True)]
    gram = np.stack([np.einsum("nmd,nme->nde", one, one) for one in x], axis=1)
    moment = np.stack(
        [np.einsum("nmd,nm->nd", *pair) for pair in zip(x, y, strict=True)], axis=1
    )
    energy = np.stack([np.sum(one**2, axis=1) for one in y], axis=1)
    samples = np.broadcast_to(np.array(sizes, float), (draws, 2))

    def risk(g: np.ndarray, h: np.ndarray) -> np.ndarray:
        error = np.linalg.solve(g, h[..., None])[..., 0] - b[1]
        return np.sum(error**2 * roots[1] ** 2, axis=1)

    true = risk(gram[:, 1], moment[:, 1]) - risk(gram.sum(axis=1), moment.sum(axis=1))
    leaves = (gram, moment, energy, samples)
    found = new_rows_gain(TaskStatistics(*(jnp.asarray(leaf) for leaf in leaves)))
    difference = true - np.asarray(found)
    # The limit p/(m − p) is short of the mean p/(m − p − 1) by 1/(m − p − 1) of it.
    slack = true.mean() / (sizes[1] - d - 1)
    noise = 5 * difference.std() / np.sqrt(draws)
    assert abs(difference.mean()) < slack + noise
    # On the target's own rows pooling is worth half as much: the test sees that.
    assert 0.5 * true.mean() > slack + noise


def test_a_pair_is_the_set_of_two_and_a_task_gains_nothing_by_itself():
    made = problem()
    one = jax.tree.map(lambda leaf: leaf[0], drawn(made, 1))
    found = pairwise_gains(one, 0.5)
    weights = np.array([0.5, 1.0, 0.0])
    known = estimate_gain(one, weights, target=1)
    for name in ("gain", "low", "high", "alone", "noise"):
        pair = getattr(found, name)[0, 1]
        np.testing.assert_allclose(pair, getattr(known, name), rtol=1e-10)
    assert not np.any(np.diag(found.gain))
    share = found.relative
    error = found.alone + found.noise
    np.testing.assert_allclose(share.gain * error, found.gain, rtol=1e-12)


def test_good_sources_are_kept_and_a_bad_one_is_dropped():
    rng = np.random.default_rng(5)
    sizes, d, far = (12, 200, 200), 4, 20
    noise = (1, 3, 1)  # the ratios of weights are at most 1/9, and 9 the other way
    b = np.stack([np.ones(d), np.ones(d), np.ones(d) + far])
    x = [rng.normal(size=(m, d)) for m in sizes]
    y = [
        one @ p + s * rng.normal(size=len(one))
        for one, p, s in zip(x, b, noise, strict=True)
    ]
    found = source_weights(TaskStatistics.from_data(x, y))
    weights = np.asarray(found.weights)
    np.testing.assert_array_equal(np.diag(weights), 1)
    assert 0.02 < weights[1, 0] < 0.4 < 2 < weights[0, 1]
    # At 20 deviations a source may have the weight that costs nothing, as on any scale.
    assert weights[2, 0] < 1e-3
    assert found.gain.gain[0] > 0
    # Labels that did not choose the weights may find a little less than nothing.
    assert np.all(np.asarray(found.gain.relative.gain) >= -0.01)


bounds = jax.jit(energy_interval)


def test_intervals_are_those_of_scipy():
    freedom = np.array([3.0, 8.0, 50.0])
    low, high = variance_interval(jnp.ones(3), jnp.asarray(freedom), jnp.asarray(SCORE))
    exact = stats.chi2.ppf([[0.975], [0.025]], freedom)
    # Wilson and Hilferty are best in the upper tail and for many degrees.
    np.testing.assert_allclose(low, freedom / exact[0], rtol=0.01)
    excess = np.asarray(high) * exact[1] / freedom - 1
    assert np.all((excess > -1e-3) & (excess < [0.2, 0.014, 1e-3])), excess
    offset = np.array([0.5, 6.0, 40.0])
    quantiles = np.array([[0.975], [0.025]])
    place = stats.ncx2.ppf(quantiles, freedom, offset)
    ends = bounds(2 * place, 2 * np.ones((2, 1)) * freedom, np.full((2, 3), 2.0), SCORE)
    # T at its upper quantile puts the lower bound at the truth, and vice versa.
    end = np.stack([ends[0][0], ends[1][1]]) / 2 - freedom
    level = stats.ncx2.cdf(place, freedom, np.maximum(end, 1e-9))
    # A third of a tail of 0.025 for 3 degrees, less for more.
    np.testing.assert_allclose(level, np.broadcast_to(quantiles, (2, 3)), atol=0.009)


def test_a_length_below_its_least_mean_bounds_it_by_that():
    whole = np.ones((2, 3))
    for end in bounds(0.1 * whole, 5 * whole, whole, SCORE):
        np.testing.assert_allclose(end, 5, rtol=1e-12)


def test_tasks_that_cannot_be_estimated_are_known():
    one = jax.tree.map(lambda leaf: leaf[0], drawn(problem(), 1))
    few = TaskStatistics(
        one.gram, one.moment, one.energy, one.samples.at[2].set(float(D + 1))
    )
    assert list(task_estimates(few).estimable) == [True, True, False]
