import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.linear import two_task_optimum
from theory.linear.gain_certificate import gain_certificate
from theory.tasks import TaskStatistics

D, DRAWS = 4, 64


def draw(seed, rows=(400, 12), apart=0.1, noise=(0.5, 1.0)):
    """Two tasks from rows, as NumPy has them."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=D)
    both = np.stack([theta, theta + apart * rng.normal(size=D)])
    xs = [rng.normal(size=(m, D)) * rng.uniform(0.5, 2, size=D) for m in rows]
    ys = [
        x @ t + s * rng.normal(size=len(x))
        for x, t, s in zip(xs, both, noise, strict=True)
    ]
    fitted = np.stack([np.linalg.lstsq(x, y)[0] for x, y in zip(xs, ys, strict=True)])
    return TaskStatistics.from_data(xs, ys), both, fitted - both, xs[1]


bound = jax.jit(gain_certificate)
best = jax.jit(lambda s: two_task_optimum(s, jnp.ones(2)).parameters)


def test_the_error_of_the_optimum_is_within_the_bound_and_some_gains_are_certified():
    certified = 0
    for seed in range(DRAWS):
        tasks, theta, error, x = draw(seed, apart=0.01 + 0.3 * (seed % 4))
        found = bound(tasks.gram, theta, error)
        shared = np.asarray(best(tasks))[1] - theta[1]
        assert np.linalg.norm(x @ shared) <= float(found.error) * (1 + 1e-9)
        assert np.linalg.norm(shared) <= float(found.parameter_error) * (1 + 1e-9)
        alone = np.linalg.norm(x @ error[1])
        np.testing.assert_allclose(found.alone, alone, rtol=1e-10)
        if found.certified:
            certified += 1
            assert np.linalg.norm(x @ shared) < alone
    assert DRAWS // 8 < certified < DRAWS


def test_the_error_alone_is_at_most_kappa_times_the_noise_in_the_range():
    for seed in range(8):
        tasks, theta, error, x = draw(seed)
        found = bound(tasks.gram, theta, error)
        # Of the noise, X_2 times the error is the part in the range of X_2.
        noise = np.linalg.norm(x @ error[1]) / np.linalg.norm(x @ theta[1])
        size = np.linalg.norm(theta[1]) * np.linalg.cond(x)
        assert float(found.parameter_alone) <= size * noise * (1 + 1e-9)


def test_without_noise_and_with_one_parameter_nothing_is_lost():
    tasks, theta, error, _ = draw(0, apart=0.0, noise=(0.0, 0.0))
    found = bound(tasks.gram, theta, 0 * error)
    # The angle of a vector with itself is rounding.
    assert float(found.turn) < 1e-12
    assert float(found.error) < 1e-12 * np.linalg.norm(theta)
    assert not found.certified


def test_the_turn_falls_as_one_over_the_rows_of_the_source():
    tasks, theta, error, _ = draw(1)
    scale = jnp.array([100.0, 1.0])[:, None, None]
    few = bound(tasks.gram, theta, error)
    many = bound(scale * tasks.gram, theta, error)
    np.testing.assert_allclose(jnp.sin(few.turn), 100 * jnp.sin(many.turn), rtol=1e-10)


def test_a_weight_of_the_source_is_as_many_rows():
    tasks, theta, error, _ = draw(1)
    scale = jnp.array([100.0, 1.0])
    weighted = bound(tasks.gram, theta, error, scale)
    many = bound(scale[:, None, None] * tasks.gram, theta, error)
    np.testing.assert_allclose(weighted, many, rtol=1e-10)


def test_a_source_with_fewer_rows_than_inputs_certifies_nothing():
    tasks, theta, error, x = draw(2)
    flat = tasks.gram.at[0].set(jnp.diag(jnp.array([1.0, 1.0, 1.0, 0.0])))
    found = bound(flat, theta, error)
    assert not found.certified
    largest = np.hypot(np.linalg.norm(x @ theta[1]), np.linalg.norm(x @ error[1]))
    np.testing.assert_allclose(found.error, largest, rtol=1e-10)
    assert float(found.turn) == np.pi / 2


@pytest.mark.parametrize("weight", [1.0, 1e-12, 1e-16, 1e-20])
@pytest.mark.parametrize("step", [0.0, 1e-9, 1e-12])
def test_equal_columns_of_the_source_certify_nothing_at_any_weight(weight, step):
    # λ is infinite, or not to be told from that; a Cholesky factor may be finite.
    for seed in range(6):
        tasks, theta, error, x = draw(seed)
        rng = np.random.default_rng(seed)
        source = rng.normal(size=(400, D))
        source[:, 1] = source[:, 0] + step * source[:, 1]
        gram = tasks.gram.at[0].set(source.T @ source)
        found = bound(gram, theta, error, jnp.array([1.0, weight]))
        assert not found.certified
        assert not found.parameter_certified
        largest = np.hypot(np.linalg.norm(x @ theta[1]), np.linalg.norm(x @ error[1]))
        np.testing.assert_allclose(found.error, largest, rtol=1e-10)
        assert float(found.turn) == np.pi / 2


def test_equal_columns_of_the_target_bound_no_parameter():
    tasks, theta, error, x = draw(0)
    x = np.concatenate([x[:, :1], x[:, :1], x[:, 2:]], axis=1)
    found = bound(tasks.gram.at[1].set(x.T @ x), theta, error)
    assert not found.parameter_certified
    assert np.isinf(found.parameter_error)


@pytest.mark.parametrize("size", [0.1, 1.0, 5.0])
def test_the_turn_is_that_of_hand_computation(size):
    # G_1 = 50 I, G_2 = I: K = (α_2/α_1)(1/50)‖θ̂_2‖²/‖θ̂_1‖², at an angle of 0.3.
    gram = jnp.stack([50 * jnp.eye(D), jnp.eye(D)])
    fitted = jnp.eye(D)[:2].at[1].set(0)
    fitted = fitted.at[1, :2].set(size * jnp.array([np.cos(0.3), np.sin(0.3)]))
    found = bound(gram, fitted, 0 * fitted, jnp.array([2.0, 1.0]))
    expected = 0.5 / 50 * size**2 * np.sin(0.6)
    np.testing.assert_allclose(jnp.sin(found.turn), expected, rtol=1e-10)
