import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.draws.pooled_draws import PooledDraws, pooled_draws
from theory.risk import pooled_risk

P = 4
KEYS = jax.random.split(jax.random.key(0), 32)


def drawn(n_1: int, n_2: int) -> PooledDraws:
    return pooled_draws(KEYS, jnp.ones(P), n_1, n_2)


def test_means_are_those_of_equal_covariances():
    for n_1, n_2 in ((2, 20), (30, 12)):
        found = drawn(n_1, n_2)
        known = pooled_risk(n_1, n_2, P, 1.0, 0.5, finite=True)
        expected = (known.single_task, known.variance, known.bias)
        for values, mean in zip(found, expected, strict=True):
            error = values.std(ddof=1) / np.sqrt(len(values))
            assert abs(values.mean() - float(mean)) < 5 * error


def test_gains_are_linear_in_noise_and_shift():
    found = drawn(2, 20)
    less = found.alone - found.variance
    np.testing.assert_allclose(
        found.gain(3.0, 0.7), 3 * less - 1.4 * found.bias, rtol=1e-14
    )


@pytest.mark.long
def test_a_spectrum_has_its_own_covariance():
    spectrum = np.array([0.01, 0.5, 3.0, 20.0])
    found = pooled_draws(KEYS, jnp.asarray(spectrum), 50, 12)
    rng, values = np.random.default_rng(0), []
    for _ in range(400):
        x_1 = rng.normal(size=(50, P)) * np.sqrt(spectrum)
        x_2 = rng.normal(size=(12, P))
        inverse = np.linalg.inv(x_1.T @ x_1 + x_2.T @ x_2)
        bias = np.sum((inverse @ x_1.T @ x_1) ** 2) / P
        values.append((np.trace(np.linalg.inv(x_2.T @ x_2)), np.trace(inverse), bias))
    for own, other in zip(found, np.transpose(values), strict=True):
        error = np.hypot(
            own.std() / np.sqrt(len(own)), other.std() / np.sqrt(len(other))
        )
        assert abs(own.mean() - other.mean()) < 5 * error
