import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.theory.risk.monte_carlo import (
    Measured,
    assert_limit,
    assert_mean,
    averaged,
)
from theory.risk import (
    best_penalty,
    conditional_risk,
    mean_conditional_risk,
    mean_soft_sharing_risk,
    pooled_risk,
    soft_sharing_limit,
    soft_sharing_risk,
)
from theory.risk.linear_bound import bound_over_parameters

D = 6
NOISE, SHIFT = 0.7, 1.3


def problem() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    x_1, x_2 = (rng.normal(size=(m, D)) * np.geomspace(1, 3, D) for m in (4, 12))
    root = rng.normal(size=(D, D))
    return x_1, x_2, rng.normal(size=(2, D)), root @ root.T


def grams() -> np.ndarray:
    x_1, x_2, *_ = problem()
    return np.stack([x_1.T @ x_1, x_2.T @ x_2])


@pytest.mark.parametrize("penalty", [0.3, 20.0])
def test_risk_is_the_mean_over_labels_of_stacked_least_squares(penalty):
    x_1, x_2, b, sigma = problem()
    rng, draws = np.random.default_rng(1), 10000
    y = [
        x @ t + np.sqrt(NOISE) * rng.normal(size=(draws, len(x)))
        for x, t in zip((x_1, x_2), b, strict=True)
    ]
    # Unknowns (b, z), with a row √λ z = 0 for each of z: no formula of ours.
    rows = np.block(
        [
            [x_1, x_1],
            [x_2, np.zeros_like(x_2)],
            [np.zeros((D, D)), np.sqrt(penalty) * np.eye(D)],
        ]
    )
    labels = np.concatenate([*y, np.zeros((draws, D))], axis=1)
    error = np.linalg.lstsq(rows, labels.T, rcond=None)[0][:D].T - b[1]
    found = soft_sharing_risk(grams(), b, NOISE, penalty, target_covariance=sigma)
    assert_mean(found, error, sigma)
    # And exactly, by the map from labels to b̂: draws leave room for small parts.
    maps = np.linalg.pinv(rows)[:D, : len(x_1) + len(x_2)]
    shift = maps @ np.concatenate([x_1 @ b[0], x_2 @ b[1]]) - b[1]
    np.testing.assert_allclose(found.bias, shift @ sigma @ shift, rtol=1e-10)
    variance = NOISE * np.trace(sigma @ maps @ maps.T)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-10)


def test_the_mean_over_parameters_is_that_of_unit_shifts():
    _, _, _, sigma = problem()
    units = np.stack([np.eye(D), np.zeros((D, D))], axis=1)
    each = [
        soft_sharing_risk(grams(), b, NOISE, 20.0, target_covariance=sigma).bias
        for b in units
    ]
    found = mean_soft_sharing_risk(grams(), NOISE, SHIFT, 20.0, target_covariance=sigma)
    np.testing.assert_allclose(found.bias, 2 * SHIFT / D * np.sum(each), rtol=1e-12)


def test_no_penalty_is_the_target_alone_and_an_infinite_one_is_pooling():
    _, _, b, sigma = problem()
    alone = soft_sharing_risk(grams(), b, NOISE, 0.0, target_covariance=sigma)
    assert alone.bias == 0
    np.testing.assert_allclose(alone.variance, alone.single_task, rtol=1e-12)
    pairs = (
        (
            soft_sharing_risk(grams(), b, NOISE, np.inf, target_covariance=sigma),
            conditional_risk(grams(), b, NOISE, target_covariance=sigma),
        ),
        (
            mean_soft_sharing_risk(
                grams(), NOISE, SHIFT, np.inf, target_covariance=sigma
            ),
            mean_conditional_risk(grams(), NOISE, SHIFT, target_covariance=sigma),
        ),
    )
    for hard, pooled in pairs:
        for name in ("bias", "variance", "single_task"):
            np.testing.assert_allclose(
                getattr(hard, name), getattr(pooled, name), rtol=1e-12
            )


@pytest.mark.long
def test_the_best_penalty_is_the_only_minimum_and_attains_the_linear_bound():
    _, _, _, sigma = problem()
    best = best_penalty(D, NOISE, SHIFT)
    np.testing.assert_allclose(best, NOISE * D / (2 * SHIFT), rtol=1e-15)

    def total(penalty: float | jax.Array) -> jax.Array:
        return mean_soft_sharing_risk(
            grams(), NOISE, SHIFT, penalty, target_covariance=sigma
        ).total

    risks = np.array([total(best * f) for f in np.geomspace(1e-4, 1e4, 41)])
    assert np.all(np.diff(risks[:21]) < 0)
    assert np.all(np.diff(risks[20:]) > 0)
    bound = bound_over_parameters(
        jnp.asarray(grams()),
        jnp.full(2, NOISE),
        jnp.full(2, SHIFT),
        jnp.asarray(sigma),
        1,
    )
    np.testing.assert_allclose(risks[20], bound, rtol=1e-12)
    assert best_penalty(D, 1, 0) == np.inf
    assert best_penalty(D, 0, 1) == 0


P = 30
WIDE = np.geomspace(0.02, 20, P)
LIMIT = jax.jit(
    lambda sizes, penalty, s: soft_sharing_limit(
        sizes[0], sizes[1], P, NOISE, SHIFT, penalty, source_spectrum=s
    )
)


def drawn(
    rng: np.random.Generator, sizes: tuple[int, int], s: np.ndarray, penalty: float
) -> Measured:
    """Bias and variance over rows, by solving for (b, z)."""
    p, values = len(s), []
    for _ in range(150):
        x_1 = rng.normal(size=(sizes[0], p)) * np.sqrt(s)
        x_2 = rng.normal(size=(sizes[1], p))
        s_1, s_2 = x_1.T @ x_1, x_2.T @ x_2
        whole = np.block([[s_1 + s_2, s_1], [s_1, s_1 + penalty * np.eye(p)]])
        inverse = np.linalg.inv(whole)[:p]
        rows = inverse @ np.block([[x_1.T, x_2.T], [x_1.T, np.zeros_like(x_2.T)]])
        shifted = inverse @ np.concatenate([s_1, s_1])
        values.append((2 * SHIFT / p * np.sum(shifted**2), NOISE * np.sum(rows**2)))
    return averaged(values)


@pytest.mark.long
@pytest.mark.parametrize("sizes", [(50, 40), (12, 45), (70, 20)])
@pytest.mark.parametrize("penalty", [2.0, 40.0])
def test_limit_is_what_draws_of_two_sizes_extrapolate_to(sizes, penalty):
    rng = np.random.default_rng(sum(sizes))
    found = LIMIT(sizes, penalty, WIDE)
    small = drawn(rng, sizes, WIDE, penalty)
    twice = (2 * sizes[0], 2 * sizes[1])
    large = drawn(rng, twice, np.repeat(WIDE, 2), 2 * penalty)
    assert_limit(found, small, large, sum(sizes) - P)


@pytest.mark.long
def test_limit_has_its_ends_at_any_spectrum():
    for s in (WIDE, np.geomspace(1e-6, 1e6, P)):
        for sizes in ((0.0, 40.0), (5.0, 40.0), (500.0, 10.0)):
            hard = LIMIT(sizes, np.inf, s)
            pooled = pooled_risk(*sizes, P, NOISE, SHIFT, source_spectrum=s)
            for name in ("bias", "variance", "single_task"):
                # Sums of P terms, and the solution to rounding.
                np.testing.assert_allclose(
                    getattr(hard, name), getattr(pooled, name), rtol=1e-13
                )
    alone = LIMIT((50.0, 40.0), 0.0, WIDE)
    np.testing.assert_allclose(alone.total, alone.single_task, rtol=1e-14)
    assert LIMIT((5.0, 20.0), 1.0, WIDE).total == np.inf


@pytest.mark.long
def test_limit_has_its_minimum_at_the_best_penalty():
    best = best_penalty(P, NOISE, SHIFT)
    value, slope = SLOPE((50.0, 40.0), best, WIDE)
    # The slope's two terms, which cancel, are of the size of the risk over λ.
    assert abs(slope * best) < 1e-13 * value
    assert SLOPE((50.0, 40.0), 0.8 * best, WIDE)[1] < 0
    assert SLOPE((50.0, 40.0), 1.2 * best, WIDE)[1] > 0


SLOPE = jax.jit(
    jax.value_and_grad(lambda sizes, penalty, s: LIMIT(sizes, penalty, s).total, 1)
)
