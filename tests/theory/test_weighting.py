"""What Algorithm 2 gives and is fooled by."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from tests.theory.one_design import SEED, SHAPES, problem
from theory.weighting import principal_angles, svd_weights


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
