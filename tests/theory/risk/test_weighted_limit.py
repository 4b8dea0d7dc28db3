import jax
import numpy as np
import pytest
from jax.typing import ArrayLike

from tests.theory.differences import differences_agree
from tests.theory.risk.monte_carlo import Measured, assert_limit, averaged
from theory.risk import PooledRisk, pooled_risk, weighted_limit_risk

P, K = 24, 3
SPECTRA = np.stack(
    [np.geomspace(0.1, 5, P), np.geomspace(3, 0.2, P), np.linspace(1, 2, P)]
)
SIZES = (12, 45, 40)  # the first has fewer rows than dimensions
NOISE = np.array([0.5, 1.0, 2.0])
SHIFT = np.array([1.0, 0.4, 0.7])
WEIGHTS = np.array([0.3, 1.5, 0.8])


def limit(
    n: ArrayLike,
    noise: np.ndarray,
    shift: np.ndarray,
    alpha: ArrayLike,
    s: np.ndarray,
    at: int = 2,
) -> PooledRisk:
    return weighted_limit_risk(n, P, noise, shift, alpha, spectra=s, target=at)


def drawn(
    rng: np.random.Generator,
    sizes: tuple[int, ...],
    spectra: np.ndarray,
    weights: np.ndarray,
    at: int,
    draws: int,
) -> Measured:
    """Bias and variance over rows, from pseudo-inverses."""
    p, values = spectra.shape[1], []
    for _ in range(draws):
        x = [
            rng.normal(size=(n, p)) * np.sqrt(s)
            for n, s in zip(sizes, spectra, strict=True)
        ]
        whole = sum(a * one.T @ one for a, one in zip(weights, x, strict=True))
        root = np.sqrt(spectra[at])[:, None] * np.linalg.inv(whole)
        maps = [a * root @ one.T for a, one in zip(weights, x, strict=True)]
        variance = sum(s * np.sum(m**2) for s, m in zip(NOISE, maps, strict=True))
        effects = [m @ one for m, one in zip(maps, x, strict=True)]
        effects[at] = effects[at] - np.diag(np.sqrt(spectra[at]))
        bias = sum(s * np.sum(m**2) for s, m in zip(SHIFT, effects, strict=True)) / p
        values.append((bias, variance))
    return averaged(values)


@pytest.mark.parametrize("at", [0, 2])
def test_limit_is_what_draws_of_two_sizes_extrapolate_to(at):
    rng = np.random.default_rng(at)
    found = limit(np.array(SIZES, float), NOISE, SHIFT, WEIGHTS, SPECTRA, at)
    small = drawn(rng, SIZES, SPECTRA, WEIGHTS, at, 200)
    twice = tuple(2 * n for n in SIZES)
    large = drawn(rng, twice, np.repeat(SPECTRA, 2, axis=1), WEIGHTS, at, 100)
    assert_limit(found, small, large, sum(SIZES) - P)


def test_two_tasks_of_equal_weights_are_the_pooled_pair_at_any_spectrum():
    for s in (SPECTRA[0], np.geomspace(1e-6, 1e6, P), np.repeat([1e-12, 1e12], P // 2)):
        for sizes in ((0.0, 40.0), (5.0, 40.0), (500.0, 10.0)):
            spectra = np.stack([s, s, np.ones(P)])
            # A source split in two is one source where neither has a shift.
            n = np.array([0.4 * sizes[0], 0.6 * sizes[0], sizes[1]])
            found = limit(n, np.ones(K), np.eye(K)[2], np.ones(K), spectra)
            known = pooled_risk(*sizes, P, 1, 0.5, source_spectrum=s)
            for name in ("bias", "variance", "single_task"):
                # Sums of P terms, and the solution to rounding.
                np.testing.assert_allclose(
                    getattr(found, name), getattr(known, name), rtol=1e-13
                )


def test_no_rows_or_no_weight_leave_a_task_out_and_slopes_go_on_from_there():
    n = np.array(SIZES, float)
    absent = limit(n * [0, 1, 1], NOISE, SHIFT, WEIGHTS, SPECTRA)
    unweighted = limit(n, NOISE, SHIFT, WEIGHTS * [0, 1, 1], SPECTRA)
    np.testing.assert_allclose(absent.total, unweighted.total, rtol=1e-14)
    assert limit(n / 5, NOISE, SHIFT, WEIGHTS, SPECTRA).total == np.inf


@pytest.mark.long
def test_slopes_are_those_of_differences_also_at_no_rows():
    n = np.array(SIZES, float)

    def total(size: ArrayLike, alpha: ArrayLike) -> jax.Array:
        return limit(size, NOISE, SHIFT, alpha, SPECTRA).total

    none = n * [0, 1, 1]
    points = ((n, WEIGHTS), (none, WEIGHTS))
    differences_agree(total, *points, step=1e-5, rtol=1e-6)
    ahead = (
        total(none + np.array([1e-5, 0, 0]), WEIGHTS) - total(none, WEIGHTS)
    ) / 1e-5
    np.testing.assert_allclose(jax.grad(total)(none, WEIGHTS)[0], ahead, rtol=1e-4)


def test_exact_risk_of_equal_covariances_is_the_mean_of_draws():
    rng, ones = np.random.default_rng(3), np.ones((K, P))
    for at in (0, 2):
        found = weighted_limit_risk(
            np.array(SIZES), P, NOISE, SHIFT, np.ones(K), target=at, finite=True
        )
        mean, error = drawn(rng, SIZES, ones, np.ones(K), at, 400)
        both = np.array([found.bias, found.variance])
        assert np.all(abs(both - mean) < 5 * error), (both, mean, error)
    pair = weighted_limit_risk(
        np.array([0, 50, 40]), P, 1, 0.7, np.ones(K), finite=True
    )
    known = pooled_risk(50, 40, P, 1, 0.7, finite=True)
    np.testing.assert_allclose(pair.total, known.total, rtol=1e-14)
