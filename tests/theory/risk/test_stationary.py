"""Derivatives of what is chosen best: a place, a ratio, a size, weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.typing import ArrayLike

from tests.theory.differences import differences_agree
from theory.risk import (
    best_head_ratio,
    best_penalty,
    best_weights,
    best_weights_given_parameters,
    crossings,
)
from theory.risk.minimise import stationary_point

P, K, D = 12, 3, 4
MILD, WIDE = np.geomspace(0.1, 10, P), np.geomspace(1e-6, 1e6, P)


def quadratic(place: jax.Array, arguments: tuple) -> jax.Array:
    matrix, side = arguments
    return place @ matrix @ place / 2 - side @ place


@jax.jit
def slopes_of_minimum(place: jax.Array, matrix: jax.Array, side: jax.Array) -> tuple:
    def held(matrix: jax.Array, side: jax.Array) -> jax.Array:
        return stationary_point(quadratic, place, (matrix, side))

    return jax.jacrev(held, (0, 1))(matrix, side)


def test_the_derivative_is_that_of_the_solution():
    matrix, side = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -3.0])
    place = np.linalg.solve(matrix, side)
    slopes = slopes_of_minimum(place, matrix, side)
    np.testing.assert_allclose(slopes[1], np.linalg.inv(matrix), rtol=1e-14)
    # d(A⁻¹s) = −A⁻¹ dA A⁻¹s, of a symmetric dA.
    change = np.array([[0.0, 1], [1, 0]])
    found = np.einsum("iab,ab->i", np.asarray(slopes[0]), change)
    expected = -np.linalg.solve(matrix, change @ place)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_it_is_zero_where_the_minimum_is_not_one_point():
    slopes = slopes_of_minimum(np.array([3.0, 4.0]), np.zeros((2, 2)), np.zeros(2))
    assert all(np.all(np.asarray(slope) == 0) for slope in slopes)


@jax.jit
def ratio(*point: ArrayLike) -> jax.Array:
    n_1, n_2, noise, shift, common, s = point
    best = best_head_ratio(n_1, n_2, P, noise, shift, common, source_spectrum=s)
    return jnp.stack([best.ratio, best.risk.total])


@jax.jit
def every_crossing(*point: ArrayLike) -> jax.Array:
    n_2, noise, s = point
    return crossings(n_2, P, noise, 1.0, source_spectrum=s, n_source_max=1e9)


@pytest.mark.long
def test_ratios_have_the_slopes_of_differences():
    sizes = ((30.0, 30.0), (3.0, 30.0), (5.0, 8.0))
    points = [(*pair, 1.0, 0.3, 2.0, MILD) for pair in sizes]
    # Bisection ends at the slope's rounding: ε/h of it, and h² of the next order.
    differences_agree(ratio, *points, step=1e-4, rtol=1e-5, atol=1e-5)


@pytest.mark.long
def test_no_slope_of_a_ratio_is_nan_at_the_edges():
    slopes = jax.jit(jax.grad(lambda *point: ratio(*point)[0], (0, 3, 5)))
    for s in (MILD, WIDE):
        edges = [(0.0, 30.0), (3.0, 30.0), (5.0, 8.0), (5.0, 6.0)]
        points = [(*sizes, 1.0, 0.3, 2.0, s) for sizes in edges]
        # Silence: the best ratio is infinite.
        for point in (*points, (50.0, 30.0, 1.0, 0.0, 0.0, s)):
            assert all(np.all(np.isfinite(slope)) for slope in slopes(*point)), point


@pytest.mark.long
def test_slopes_of_crossings_are_finite_where_there_is_none_and_beyond_the_last():
    slopes = jax.jit(jax.jacrev(every_crossing, (0, 1, 2)))
    for point in ((30.0, 1.0, MILD), (30.0, 1.0, WIDE), (8.0, 1.0, MILD)):
        assert all(np.all(np.isfinite(slope)) for slope in slopes(*point)), point


@pytest.mark.long
def test_weights_have_the_slopes_of_a_closed_form():
    rng = np.random.default_rng(0)
    x, counts = rng.normal(size=(9, D)), np.array([3.0, 10.0, 1.0])
    base = x.T @ x
    noise, shift = np.array([0.5, 1.0, 2.0]), np.array([1.0, 0.2, 0.7])

    def closed(noise: jax.Array, shift: jax.Array) -> jax.Array:
        # Of S_i = c_iS the shares solve a linear system, as in test_best_weights.
        own = noise * np.trace(np.linalg.inv(base)) / counts
        moment = jnp.diag(own + shift * np.array([1, 1, 0]))
        moment = moment.at[:2, :2].add(shift[2])
        weights = jnp.linalg.solve(moment, jnp.ones(K)) / counts
        return weights / jnp.sum(weights)

    def found(noise: jax.Array, shift: jax.Array) -> jax.Array:
        return best_weights(counts[:, None, None] * base, noise, shift).weights

    slopes = jax.jit(jax.jacrev(found, (0, 1)))(noise, shift)
    known = jax.jacrev(closed, (0, 1))(noise, shift)
    for one, other in zip(slopes, known, strict=True):
        # Where Newton ended: the risk is flat to the root of its rounding.
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.long
def test_weights_given_parameters_have_the_slopes_of_differences():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(K, 12, D)) * np.geomspace(1, 10, D)
    grams, theta = np.swapaxes(x, 1, 2) @ x, rng.normal(size=(K, D))

    @jax.jit
    def found(*point: ArrayLike) -> jax.Array:
        return best_weights_given_parameters(*point).weights

    point = (grams, theta, np.array([0.5, 1.0, 2.0]))
    # Weights are good to 1e-8, the root of rounding: that over the step, and h².
    differences_agree(found, point, step=1e-3, rtol=1e-4, atol=1e-4)


def test_the_best_penalty_has_slopes_at_no_shift_too():
    slopes = jax.grad(best_penalty, (0, 1, 2))
    np.testing.assert_allclose(slopes(12.0, 1.0, 0.5), (1, 12, -24), rtol=1e-14)
    assert np.all(np.isfinite(slopes(12.0, 1.0, 0.0)))
