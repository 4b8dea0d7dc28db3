"""Closed forms against 50 digits, against sampling, and at the angles 0 and π."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from tests.theory.differences import differences_agree
from theory.relu import cross_moment, gradient_moment, second_moment

EPS = np.finfo(float).eps
# Angles 0, 1e-16 .. 1e-3 and a few large ones, counted from 0 and from π.
NEAR = [0.0, *10.0 ** np.arange(-16, -2), 0.1, 0.7, 1.5]
ANGLES = np.array([*NEAR, *(np.pi - np.array(NEAR))])
W = 2.5 * np.stack([np.cos(0.3 + 0 * ANGLES), np.sin(0.3 + 0 * ANGLES)], axis=1)
V = 0.7 * np.stack([np.cos(0.3 + ANGLES), np.sin(0.3 + ANGLES)], axis=1)

value_and_grad = jax.jit(jax.vmap(jax.value_and_grad(second_moment, (0, 1))))
hessian = jax.jit(jax.vmap(jax.hessian(second_moment, (0, 1))))


class Exact(NamedTuple):
    """Fifty digits, at the floats that the code was given."""

    second: float
    gradient: np.ndarray
    psi: float


def exact(w: np.ndarray, v: np.ndarray) -> Exact:
    """As printed: docs/mathematics.md, "Gaussian moments of ReLU units"."""
    with mpmath.workdps(60):
        p, q = ([mpmath.mpf(float(value)) for value in u] for u in (w, v))
        norm_p, norm_q = (mpmath.sqrt(mpmath.fdot(u, u)) for u in (p, q))
        cosine = mpmath.fdot(p, q) / (norm_p * norm_q)
        phi = mpmath.acos(max(min(cosine, 1), -1))
        second = norm_p * norm_q * (mpmath.sin(phi) + (mpmath.pi - phi) * cosine)
        gradient = [
            (norm_q * mpmath.sin(phi) * a / norm_p + (mpmath.pi - phi) * b)
            / (2 * mpmath.pi)
            for a, b in zip(p, q, strict=True)
        ]
        return Exact(
            float(second / (2 * mpmath.pi)),
            np.array([float(g) for g in gradient]),
            float(mpmath.pi - phi),
        )


def test_value_and_gradient_have_all_digits_at_every_angle():
    second, (by_w, by_v) = value_and_grad(jnp.asarray(W), jnp.asarray(V))
    for i in range(len(ANGLES)):
        here = exact(W[i], V[i])
        there = exact(V[i], W[i])
        # Coordinates rounded by ε turn a vector by ε: dK/dφ = ‖p‖‖q‖ψ sin ψ/2π, and
        # the gradient turns by ψ‖q‖. A few operations each, hence 4.
        psi = min(here.psi, 1.0)
        assert abs(second[i] - here.second) <= 4 * EPS * (here.second + 1.75 * psi**2)
        slack = 4 * EPS * (np.abs(here.gradient).max() + 0.7 * psi + EPS)
        np.testing.assert_allclose(by_w[i], here.gradient, rtol=0, atol=slack)
        slack = 4 * EPS * (np.abs(there.gradient).max() + 2.5 * psi + EPS)
        np.testing.assert_allclose(by_v[i], there.gradient, rtol=0, atol=slack)


def test_gradient_moment_is_the_gradient():
    found = gradient_moment(jnp.asarray(W), jnp.asarray(V))
    by_w = value_and_grad(jnp.asarray(W), jnp.asarray(V))[1][0]
    np.testing.assert_allclose(found, by_w, rtol=0, atol=4 * EPS)


def test_second_derivatives_are_continuous_through_the_angles_0_and_pi():
    """Their limits are known: no term of ∂D/∂p, and ψI/2π."""
    (ww, wv), (vw, vv) = hessian(jnp.asarray(W), jnp.asarray(V))
    for i, angle in enumerate(ANGLES):
        psi = np.pi - angle
        np.testing.assert_allclose(wv[i], np.asarray(vw[i]).T, atol=4 * EPS)
        if min(angle, psi) < 1e-3:
            # sin φ of the difference, times the ratio of lengths in ∂D/∂p.
            slack = 4 * EPS + min(angle, psi)
            np.testing.assert_allclose(wv[i], psi * np.eye(2) / (2 * np.pi), atol=slack)
            np.testing.assert_allclose(ww[i], np.zeros((2, 2)), atol=slack)
            np.testing.assert_allclose(vv[i], np.zeros((2, 2)), atol=4 * slack)


@pytest.mark.long
def test_second_derivatives_are_those_of_differences():
    rng = np.random.default_rng(0)
    covariance = jnp.asarray(_covariance(rng, 3, 3))
    slope = jax.grad(lambda pair: second_moment(pair[0], pair[1], covariance))
    # h² times third derivatives, and ε/h: 1e-10 either, entries are of order 1.
    differences_agree(slope, (rng.normal(size=(2, 3)),), step=1e-5, atol=1e-8)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("zero", ["w", "v", "both"])
def test_zero_vectors_have_value_and_derivatives_zero(zero, order):
    w = jnp.zeros(2) if zero in ("w", "both") else jnp.asarray([1.0, 2.0])
    v = jnp.zeros(2) if zero in ("v", "both") else jnp.asarray([-1.0, 0.5])
    assert second_moment(w, v) == 0
    np.testing.assert_array_equal(gradient_moment(w, v), 0)
    function = second_moment
    for _ in range(order):
        function = jax.jacobian(function, (0, 1))
    for leaf in jax.tree.leaves(function(w, v)):
        np.testing.assert_array_equal(leaf, 0)


def test_third_derivatives_are_finite_at_both_angles():
    third = jax.jacfwd(jax.hessian(second_moment))
    for v in ([2.0, 0.0], [-2.0, 0.0], [0.0, 0.0]):
        assert np.isfinite(third(jnp.asarray([1.0, 0.0]), jnp.asarray(v))).all()


def _covariance(rng: np.random.Generator, d: int, rank: int) -> np.ndarray:
    factor = rng.normal(size=(d, rank))
    return factor @ factor.T


@pytest.mark.parametrize("rank", [1, 2, 4])
@pytest.mark.parametrize("units", [1.0, 1e4])
def test_a_covariance_of_any_rank_is_a_change_of_variables(rank, units):
    rng = np.random.default_rng(rank)
    factor = rng.normal(size=(4, rank)) * units ** np.linspace(-1, 1, 4)[:, None]
    w, v = rng.normal(size=(2, 5, 4)) / units ** np.linspace(-1, 1, 4)
    sigma = jnp.asarray(factor @ factor.T)
    p, q = jnp.asarray(w @ factor), jnp.asarray(v @ factor)
    # The null space is cut off; the kept eigenvalues are within 1e-2 of the largest
    # after scaling, so rounding of Σ by ε moves a root by 100 ε at most.
    slack = 1e2 * EPS
    np.testing.assert_allclose(
        second_moment(jnp.asarray(w), jnp.asarray(v), sigma),
        second_moment(p, q),
        rtol=0,
        atol=slack * float(jnp.max(jnp.abs(p)) * jnp.max(jnp.abs(q))),
    )
    found = gradient_moment(jnp.asarray(w), jnp.asarray(v), sigma)
    wanted = gradient_moment(p, q) @ factor.T
    size = np.linalg.norm(factor, axis=1) * float(jnp.max(jnp.abs(q)))
    assert np.all(np.abs(found - wanted) <= slack * size)
    np.testing.assert_allclose(
        np.abs(cross_moment(jnp.asarray(w), sigma) - p @ factor.T / 2)
        / np.linalg.norm(factor, axis=1),
        0,
        atol=slack * float(jnp.max(jnp.abs(p))),
    )


def test_vectors_without_variance_are_zero_vectors():
    sigma = jnp.asarray([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    for w in ([2.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.6, -0.3, 5.0]):
        point, other = jnp.asarray(w), jnp.asarray([1.0, 1.0, 1.0])
        assert second_moment(point, other, sigma) == 0
        np.testing.assert_array_equal(gradient_moment(point, other, sigma), 0)


def test_vectors_without_variance_to_rounding_are_zero_vectors():
    """What rounding leaves of `Sᵀw` has a direction, and it would get a gradient."""
    other = jnp.ones(3)
    for seed in range(5):
        factor = np.random.default_rng(seed).normal(size=(3, 2))
        null, sigma = jnp.asarray(np.cross(*factor.T)), jnp.asarray(factor @ factor.T)
        np.testing.assert_array_equal(gradient_moment(null, other, sigma), 0)


@pytest.mark.parametrize("rank", [2, 3])
def test_gradient_in_the_covariance(rank):
    """Price's theorem: ∂K/∂Σ = (s/4π)(wwᵀ/a + vvᵀ/b) + ψ/2π · (wvᵀ + vwᵀ)/2."""
    rng = np.random.default_rng(1)
    factor, (w, v) = rng.normal(size=(3, rank)), rng.normal(size=(2, 3))
    # A change that keeps the rank; for a regular covariance that is every one.
    turn = rng.normal(size=(3, rank))
    change = turn @ factor.T + factor @ turn.T
    sigma = factor @ factor.T
    a, b, c = w @ sigma @ w, v @ sigma @ v, w @ sigma @ v
    s = np.sqrt(a * b - c**2)
    wanted = s / (4 * np.pi) * (w @ change @ w / a + v @ change @ v / b)
    wanted += np.arctan2(s, -c) / (2 * np.pi) * (w @ change @ v)
    _, found = jax.jvp(
        lambda m: second_moment(jnp.asarray(w), jnp.asarray(v), m),
        (jnp.asarray(sigma),),
        (jnp.asarray(change),),
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_equal_eigenvalues_have_a_gradient():
    grad = jax.grad(lambda m: second_moment(jnp.ones(2), jnp.asarray([1.0, 0.0]), m))
    assert np.isfinite(grad(jnp.eye(2))).all()


def test_leading_axes_broadcast_and_extremes_keep_their_range():
    rng = np.random.default_rng(2)
    w, v = jnp.asarray(rng.normal(size=(4, 1, 3))), jnp.asarray(rng.normal(size=(5, 3)))
    sigma = jnp.asarray(np.stack([_covariance(rng, 3, 3) for _ in range(5)]))
    found = second_moment(w, v, sigma)
    assert found.shape == (4, 5)
    assert gradient_moment(w, v, sigma).shape == (4, 5, 3)
    assert cross_moment(w, sigma).shape == (4, 5, 3)
    single = second_moment(w[3, 0], v[2], sigma[2])
    np.testing.assert_allclose(found[3, 2], single, rtol=1e-14)
    big = second_moment(1e200 * w, 1e-200 * v)
    np.testing.assert_allclose(big, second_moment(w, v), rtol=1e-14)


def test_the_cross_moment_is_that_of_samples():
    rng = np.random.default_rng(0)
    root, w = rng.normal(size=(3, 2)), rng.normal(size=3)
    x = rng.normal(size=(200_000, 2)) @ root.T
    terms = x * np.maximum(x @ w, 0)[:, None]
    error = terms.std(axis=0) / np.sqrt(len(x))
    found = cross_moment(jnp.asarray(w), jnp.asarray(root @ root.T))
    assert np.all(np.abs(terms.mean(axis=0) - found) <= 5 * error)
