import jax
import numpy as np
import pytest
from jax.typing import ArrayLike

from tests.theory.risk.test_weighted_limit import (
    NOISE,
    SHIFT,
    SIZES,
    SPECTRA,
    WEIGHTS,
    P,
    limit,
)
from theory.risk import matrix_limit_risk

ROOM = ("bias", "variance", "single_task")


def turned() -> np.ndarray:
    """Covariances of condition up to 2500 that share no eigenvector."""
    rng = np.random.default_rng(0)
    turns = np.linalg.qr(rng.normal(size=(len(SPECTRA), P, P)))[0]
    found = (turns * SPECTRA[:, None] ** 2) @ np.swapaxes(turns, 1, 2)
    return (found + np.swapaxes(found, 1, 2)) / 2


def test_diagonal_covariances_are_those_of_common_eigenvectors():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(P, P)))[0]
    for at, n in ((0, SIZES), (2, SIZES), (2, (0, 45, 40)), (1, (500, 3, 30))):
        size = np.array(n, float)
        known = limit(size, NOISE, SHIFT, WEIGHTS, SPECTRA, at)
        for basis in (np.eye(P), turn):
            sigma = (basis * SPECTRA[:, None]) @ basis.T
            sigma = (sigma + np.swapaxes(sigma, 1, 2)) / 2
            found = matrix_limit_risk(size, sigma, NOISE, SHIFT, WEIGHTS, target=at)
            for name in ROOM:
                # Inverses of condition numbers below 50, and sums of P² terms.
                np.testing.assert_allclose(
                    getattr(found, name), getattr(known, name), rtol=1e-12
                )


def test_too_few_samples_are_infinite_and_never_nan():
    few = matrix_limit_risk(np.full(3, 5.0), turned(), NOISE, SHIFT, WEIGHTS)
    assert few.bias == few.variance == few.single_task == np.inf


def drawn(
    rng: np.random.Generator,
    sizes: tuple[int, ...],
    sigma: np.ndarray,
    at: int,
    draws: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean bias and variance over rows, and their errors, from the maps of labels."""
    p, values = sigma.shape[1], []
    roots = np.linalg.cholesky(sigma)
    for _ in range(draws):
        x = [rng.normal(size=(n, p)) @ r.T for n, r in zip(sizes, roots, strict=True)]
        whole = sum(a * one.T @ one for a, one in zip(WEIGHTS, x, strict=True))
        root = roots[at].T @ np.linalg.inv(whole)
        maps = [a * root @ one.T for a, one in zip(WEIGHTS, x, strict=True)]
        variance = sum(s * np.sum(m**2) for s, m in zip(NOISE, maps, strict=True))
        effects = [m @ one for m, one in zip(maps, x, strict=True)]
        effects[at] = effects[at] - roots[at].T
        bias = sum(s * np.sum(m**2) for s, m in zip(SHIFT, effects, strict=True)) / p
        values.append((bias, variance))
    return np.mean(values, axis=0), np.std(values, axis=0) / np.sqrt(draws)


@pytest.mark.long
@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("sizes", [SIZES, (12, 20, 30)])
def test_limit_is_what_draws_of_two_sizes_extrapolate_to(at, sizes):
    rng, sigma = np.random.default_rng(at), turned()
    found = matrix_limit_risk(
        np.array(sizes, float), sigma, NOISE, SHIFT, WEIGHTS, target=at
    )
    small, one = drawn(rng, sizes, sigma, at, 300)
    double = np.stack([np.kron(np.eye(2), s) for s in sigma])
    large, two = drawn(rng, tuple(2 * n for n in sizes), double, at, 200)
    # As in test_pooled: the term of 1/p cancels; the next is smaller by 1/(n − p).
    left = 2 * abs(small - large) / (sum(sizes) - P)
    both = np.array([found.bias, found.variance])
    room = 5 * np.hypot(2 * two, one) + left
    assert np.all(abs(both - 2 * large + small) < room), (both, small, large)


@pytest.mark.long
def test_slopes_are_those_of_differences_also_at_no_rows():
    sigma = turned()

    def total(n: ArrayLike, weights: ArrayLike, sigma: ArrayLike) -> jax.Array:
        return matrix_limit_risk(n, sigma, NOISE, SHIFT, weights).total

    value, slopes = jax.jit(total), jax.jit(jax.grad(total, (0, 1, 2)))
    n, step = np.array(SIZES, float), 1e-5
    found = slopes(n, WEIGHTS, sigma)
    for axis in range(3):
        move = step * np.eye(3)[axis]
        change = value(n + move, WEIGHTS, sigma) - value(n - move, WEIGHTS, sigma)
        np.testing.assert_allclose(found[0][axis], change / (2 * step), rtol=1e-6)
        change = value(n, WEIGHTS + move, sigma) - value(n, WEIGHTS - move, sigma)
        np.testing.assert_allclose(found[1][axis], change / (2 * step), rtol=1e-6)
    move = np.zeros_like(sigma)
    move[0, 2, 5] = move[0, 5, 2] = step
    change = value(n, WEIGHTS, sigma + move) - value(n, WEIGHTS, sigma - move)
    np.testing.assert_allclose(np.sum(found[2] * move) * 2, change, rtol=1e-6)
    none = n * [0, 1, 1]
    edge = slopes(none, WEIGHTS, sigma)[0][0]
    ahead = value(none + step * np.eye(3)[0], WEIGHTS, sigma)
    change = ahead - value(none, WEIGHTS, sigma)
    np.testing.assert_allclose(edge, change / step, rtol=1e-4)


def test_bad_arguments_are_named():
    sigma = np.broadcast_to(np.eye(2), (3, 2, 2))
    with pytest.raises(ValueError, match=r"covariances must be .* got \(3, 2\)"):
        matrix_limit_risk(np.ones(3), np.ones((3, 2)), 1, 1, np.ones(3))
    with pytest.raises(ValueError, match=r"covariances\[0\] must be positive definite"):
        matrix_limit_risk(np.ones(3), np.ones((3, 2, 2)), 1, 1, np.ones(3))
    tilted = np.stack([np.eye(2), np.array([[1, 0.5], [0, 1]]), np.eye(2)])
    with pytest.raises(ValueError, match=r"covariances\[1\] must be symmetric"):
        matrix_limit_risk(np.ones(3), tilted, 1, 1, np.ones(3))
    with pytest.raises(ValueError, match="samples must be one number or one a task"):
        matrix_limit_risk(np.ones(2), sigma, 1, 1, np.ones(3))
