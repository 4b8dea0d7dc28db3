"""Proposition 3 against the rows, angles of spans, and what Algorithm 2 gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.linear import shared_optimum
from theory.tasks import TaskStatistics
from theory.weighting import principal_angles, proposition_3_span, svd_weights

SEED = st.integers(0, 2**31)
# (m, d, k, r); each is a compilation.
SHAPES = st.sampled_from([(30, 6, 4, 2), (50, 3, 5, 3), (20, 6, 3, 1), (40, 6, 8, 4)])


def problem(
    seed: int, shape: tuple[int, int, int, int], noise: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    m, d, k, _ = shape
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, d)) * np.geomspace(1, 10, d)
    y = x @ rng.normal(size=(d, k)) + noise * rng.normal(size=(m, k))
    return x, y


@pytest.mark.parametrize("scale", [1e-300, 1e200, 1e307])
def test_weights_and_angles_have_no_overflow(scale):
    moments = jnp.asarray(np.random.default_rng(4).normal(size=(4, 6)))
    plain, cosines = svd_weights(moments, 2), svd_weights(moments, 2, standardise=True)
    loud = scale * moments / 10
    # The scale is divided out and put back: a few ε.
    found = svd_weights(loud, 2) * 10 / scale
    np.testing.assert_allclose(found, plain, rtol=1e-12)
    found = svd_weights(loud, 2, standardise=True)
    np.testing.assert_allclose(found, cosines, rtol=1e-12)
    # cos² of an angle with the plane of the first axes is the share there: 1/3, twice.
    spans = scale * jnp.eye(6)[:, :2], jnp.concatenate([jnp.eye(2)] * 3)
    np.testing.assert_allclose(principal_angles(*spans), [np.arccos(3**-0.5)] * 2)


@settings(max_examples=40)
@given(seed=SEED, shape=SHAPES)
def test_algorithm_2_is_the_norm_of_the_projection_as_printed(seed, shape):
    x, y = problem(seed, shape)
    theta = x.T @ y
    left = np.linalg.svd(theta)[0][:, : shape[3]]
    expected = np.linalg.norm(theta.T @ left, axis=1)
    found = svd_weights(jnp.asarray(theta.T), shape[3])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * expected.max())


@settings(max_examples=40)
@given(seed=SEED)
def test_standardised_weights_do_not_see_the_scale_of_labels(seed):
    x, y = problem(seed, (30, 6, 4, 2))
    scale = np.random.default_rng(seed).uniform(0.01, 100, 4)
    moments, energies = jnp.asarray((x.T @ y).T), jnp.asarray(np.sum(y**2, axis=0))
    loud = moments * scale[:, None]
    known = svd_weights(moments, 2, standardise=True, energies=energies)
    np.testing.assert_allclose(
        svd_weights(loud, 2, standardise=True, energies=energies * scale**2),
        known,
        rtol=1e-6,
    )
    assert jnp.max(known) <= np.linalg.norm(x, 2) * (1 + 1e-12)
    cosines = svd_weights(moments, 2, standardise=True)
    np.testing.assert_allclose(
        svd_weights(loud, 2, standardise=True), cosines, rtol=1e-6
    )
    assert jnp.max(cosines) <= 1 + 1e-12


def test_loud_noise_outweighs_a_quiet_task_unless_labels_are_standardised():
    m, d = 4000, 100
    rng = np.random.default_rng(0)
    x = rng.normal(size=(m, d))
    theta = rng.normal(size=d) / np.sqrt(d)
    loud = 100 * rng.normal(size=m)
    y = np.stack([x @ theta, x @ theta + 0.1 * rng.normal(size=m), loud])
    moments, energies = jnp.asarray(y @ x), jnp.asarray(np.sum(y**2, axis=1))
    printed = svd_weights(moments, 1)
    assert printed[2] > 2 * printed[0]
    standard = svd_weights(moments, 1, standardise=True, energies=energies)
    # Derived: s√m for clean labels, a chi of r = 1 degree for noise.
    np.testing.assert_allclose(standard[0], np.sqrt(m), rtol=0.05)
    assert standard[2] < 4
    cosines = svd_weights(moments, 1, standardise=True)
    assert cosines[2] < 0.5 * cosines[0]


def test_derived_size_of_weights_for_labels_with_noise():
    m, d, repeats = 500, 20, 200
    rng = np.random.default_rng(1)
    sizes = []
    for _ in range(repeats):
        x = rng.normal(size=(m, d))
        theta = rng.normal(size=d)
        theta /= np.linalg.norm(theta)
        clean = [x @ theta] * 6
        y = np.stack([*clean, x @ theta + rng.normal(size=m), rng.normal(size=m)])
        sizes.append(
            svd_weights(
                jnp.asarray(y @ x),
                1,
                standardise=True,
                energies=jnp.asarray(np.sum(y**2, axis=1)),
            )
        )
    mean = np.mean(np.square(sizes), axis=0)
    error = np.std(np.square(sizes), axis=0) / np.sqrt(repeats)
    # s²m, s²mR² with R² = 1/2, s²r. The first two are exact up to a share d/m.
    np.testing.assert_allclose(mean[[0, 6]], [m, m / 2], rtol=3 * d / m)
    assert abs(mean[7] - 1) < 5 * error[7] + 0.1


@pytest.mark.parametrize("scale", [False, True])
def test_a_task_without_signal_gets_no_weight(scale):
    moments = jnp.asarray([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 2.5, 0.0]])
    weights = svd_weights(moments, 1, standardise=scale)
    assert weights[1] == 0
    assert jnp.min(weights[jnp.array([0, 2])]) > 0.9


# Angles have an error of about κ(X)² ε over the gap; κ is below 1e2 here.
ANGLE = 1e-9


def brute_force(
    x: np.ndarray, y: np.ndarray, alpha: np.ndarray, rank: int
) -> jax.Array:
    """`(XᵀX)⁻¹VDQ_r` as W Prop 3 prints it, from the rows."""
    u, size, right = jnp.linalg.svd(jnp.asarray(x), full_matrices=False)
    total = (u.T @ y) * alpha @ (u.T @ y).T
    q = jnp.linalg.eigh(total)[1][:, ::-1][:, :rank]
    return jnp.linalg.solve(x.T @ x, right.T * size @ q)


@settings(max_examples=40)
@given(seed=SEED, shape=SHAPES)
def test_proposition_3_from_statistics_is_proposition_3_on_rows(seed, shape):
    x, y = problem(seed, shape)
    k, rank = shape[2:]
    alpha = np.random.default_rng(seed).uniform(0.5, 2, k)
    span = proposition_3_span(
        jnp.asarray(x.T @ x), jnp.asarray((x.T @ y).T), rank, jnp.asarray(alpha)
    )
    angles = principal_angles(span.basis, brute_force(x, y, alpha, rank))
    assert jnp.max(angles) < ANGLE / jnp.maximum(span.gap, 1e-6)
    gram = span.basis.T @ span.basis
    np.testing.assert_allclose(gram, np.eye(rank), atol=1e-12)


@settings(max_examples=40)
@given(seed=SEED, shape=SHAPES)
def test_proposition_3_is_the_span_of_the_optimal_module(seed, shape):
    x, y = problem(seed, shape)
    k, rank = shape[2:]
    tasks = TaskStatistics.from_data([x] * k, list(y.T))
    alpha = jnp.asarray(np.random.default_rng(seed).uniform(0.5, 2, k))
    if rank >= min(k, shape[1]):
        return  # the whole of the space: Prop 1
    best = shared_optimum(tasks, rank, alpha)
    span = proposition_3_span(tasks.gram[0], tasks.moment, rank, alpha)
    assert best.certified
    angles = principal_angles(span.basis, best.shared)
    assert jnp.max(angles) < ANGLE / jnp.maximum(span.gap, 1e-6)


def test_proposition_3_fails_for_tasks_with_other_covariances():
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(30, 4)) * s for s in ([1, 9, 1, 1], [1, 1, 1, 9])]
    tasks = TaskStatistics.from_data(xs, [x @ rng.normal(size=4) for x in xs])
    best = shared_optimum(tasks, 1)
    span = proposition_3_span(tasks.gram[0], tasks.moment, 1)
    assert principal_angles(span.basis, best.shared)[0] > 0.1


def test_units_of_columns_do_not_cost_accuracy():
    x, y = problem(1, (30, 6, 4, 2))
    units = np.geomspace(1e-6, 1e6, 6)
    plain = proposition_3_span(jnp.asarray(x.T @ x), jnp.asarray((x.T @ y).T), 2)
    x = x * units
    scaled = proposition_3_span(jnp.asarray(x.T @ x), jnp.asarray((x.T @ y).T), 2)
    back = units[:, None] * scaled.basis
    assert jnp.max(principal_angles(jnp.asarray(back), plain.basis)) < ANGLE


def test_rank_deficient_covariates_take_the_pseudo_inverse():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(5, 8)) * np.geomspace(1, 10, 8)
    y = rng.normal(size=(5, 3))
    span = proposition_3_span(jnp.asarray(x.T @ x), jnp.asarray((x.T @ y).T), 2)
    q = np.linalg.svd(y)[0][:, :2]  # U is square here, so Q_r = Uᵀ(left vectors of Y)
    expected = np.linalg.pinv(x) @ q
    assert jnp.max(principal_angles(span.basis, jnp.asarray(expected))) < ANGLE
    unseen = np.linalg.svd(x)[2][5:]
    assert np.max(np.abs(unseen @ np.asarray(span.basis))) < 1e-10
    assert span.gap > 0


def test_gap_shows_a_tie_and_a_rank_that_the_labels_do_not_have():
    x = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 3)))[0]
    tied = proposition_3_span(jnp.eye(3), jnp.asarray((x.T @ x[:, :2]).T), 1)
    assert tied.gap < 1e-12
    one = jnp.asarray(np.outer([1.0, 2.0], [1.0, 0.0, 1.0]))
    missing = proposition_3_span(jnp.eye(3), one, 2)
    assert missing.gap < 1e-12
    assert proposition_3_span(jnp.eye(3), one, 1).gap == 1


def test_span_under_jit_and_vmap():
    x, y = problem(0, (30, 6, 4, 2))
    gram, moments = jnp.asarray(x.T @ x), jnp.asarray((x.T @ y).T)
    many = jax.jit(jax.vmap(lambda g: proposition_3_span(g, moments, 2)))
    basis = many(jnp.stack([gram, 4 * gram])).basis
    for one in basis:
        expected = proposition_3_span(gram, moments, 2).basis
        assert jnp.max(principal_angles(one, expected)) < ANGLE


@pytest.mark.parametrize("angle", [1e-14, 1e-10, 1e-4, 0.5, 0.8, 1.5, np.pi / 2])
def test_principal_angles_keep_small_and_large_ones(angle):
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    first = q[:, :2] @ np.array([[2.0, 1.0], [0.0, 3.0]])
    turned = np.cos(angle) * q[:, 1] + np.sin(angle) * q[:, 2]
    second = np.stack([q[:, 0], turned, q[:, 4]], axis=1)
    for pair in ((first, second), (second, first)):
        found = principal_angles(*(jnp.asarray(p) for p in pair))
        np.testing.assert_allclose(found, [0, angle], atol=4e-15)


@pytest.mark.parametrize("gram", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("weight", [1e-100, 1.0, 1e200])
def test_the_span_is_that_of_any_units(gram, weight):
    x, y = problem(1, (30, 6, 4, 2))
    moments, alpha = jnp.asarray((x.T @ y).T), jnp.asarray([1.0, 2, 0.5, 0])
    plain = proposition_3_span(jnp.asarray(x.T @ x), moments, 2, alpha)
    size = gram**0.5
    found = proposition_3_span(
        jnp.asarray(gram * (x.T @ x)), size * moments, 2, weight * alpha
    )
    np.testing.assert_allclose(found.eigenvalues / weight, plain.eigenvalues, rtol=1e-9)
    np.testing.assert_allclose(found.gap, plain.gap, rtol=1e-9)
    assert jnp.max(principal_angles(found.basis, plain.basis)) < ANGLE
