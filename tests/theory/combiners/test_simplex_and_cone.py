"""MGDA, CAGrad and UPGrad against their optimality conditions."""

import numpy as np
import pytest
from scipy.optimize import minimize, nnls

from tests.theory.combiners.examples import (
    CLOSE,
    JIT,
    K,
    N,
    combined,
    every,
    filled,
    gradients,
)
from theory import combiners


@every
@pytest.mark.parametrize("seed", range(3))
def test_min_norm_weights_meet_their_optimality_conditions(seed, kind):
    rows = gradients(seed, kind)
    weights = np.asarray(JIT["min_norm"](rows))
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-12)
    shortest = weights @ rows
    # ⟨g_i, g_w⟩ ≥ ‖g_w‖² for all i, up to rounding of the inner product.
    slack = CLOSE * np.linalg.norm(rows, axis=1) * max(np.linalg.norm(shortest), 1e-6)
    assert (rows @ shortest >= shortest @ shortest - slack).all()


@pytest.mark.parametrize("seed", range(3))
def test_min_norm_weights_of_two_tasks_are_the_closed_form(seed):
    one, other = np.random.default_rng(seed).normal(size=(2, N))
    one = (1 + seed) * one
    gap = one - other
    share = np.clip(-(gap @ other) / (gap @ gap), 0, 1)
    found = JIT["min_norm"](np.stack([one, other, other, other]))
    np.testing.assert_allclose(found[0], share, atol=1e-12)


def test_min_norm_weights_see_a_gradient_that_is_shorter_by_twelve_decades():
    found = np.asarray(JIT["min_norm"](gradients(0, "units")))
    rows = np.array([[1e-6, 0], [-1e6, 1e6]])
    pair = np.asarray(combiners.min_norm_weights(rows))
    assert found[0] > 0.99
    gap = rows[0] - rows[1]
    np.testing.assert_allclose(pair[1], rows[0] @ gap / (gap @ gap), rtol=1e-9)


@every
@pytest.mark.parametrize("seed", range(3))
def test_upgrad_is_the_mean_of_projections_that_nnls_finds(seed, kind):
    rows = gradients(seed, kind)
    size = np.linalg.norm(rows, axis=1)
    unit = rows / np.where(size > 0, size, 1)[:, None]
    expected = np.zeros(N)
    for row in rows:
        dual = nnls(unit.T, -row / max(np.linalg.norm(row), 1e-300))[0]
        expected += (row + np.linalg.norm(row) * dual @ unit) / K
    found = combined("upgrad", rows)
    np.testing.assert_allclose(found, expected, atol=CLOSE * size.max())
    assert (unit @ found >= -CLOSE * size.max()).all()


@every
@pytest.mark.parametrize("c", [0.3, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_cagrad_has_no_duality_gap(seed, kind, c):
    rows = gradients(seed, kind)
    mean = rows.mean(0)
    found = np.asarray(JIT["cagrad"](rows, c))
    size = np.linalg.norm(mean)
    assert np.linalg.norm(found - mean) <= c * size * (1 + 1e-12)
    worst = (rows @ found).min()

    def dual(weights):
        w = np.abs(weights) / np.abs(weights).sum()
        return w @ rows @ mean + c * size * np.linalg.norm(w @ rows)

    # Weak duality: any w of the simplex is an upper bound of the worst improvement.
    corners = min(dual(w) for w in np.eye(K))
    free = {"method": "Nelder-Mead", "options": {"xatol": 1e-10, "fatol": 1e-14}}
    bound = min(corners, minimize(dual, np.ones(K) / K, **free).fun)
    scale = size * np.linalg.norm(rows, axis=1).max()
    assert worst <= bound + 1e-9 * scale
    if kind in ("plain", "conflict"):
        assert worst >= bound - 1e-4 * scale


def test_cagrad_of_known_cases():
    # g_0 = (1/4, 0): the second task is worst, and the ball is left towards it.
    opposite = JIT["cagrad"](filled([[1, 0], [-0.5, 0]]), 0.4)
    np.testing.assert_allclose(opposite[:2], [0.15, 0], atol=1e-12)
    stationary = JIT["cagrad"](filled([[1, 0], [-1, 0], [0, 3], [0, 3]]), 0.4)
    np.testing.assert_allclose(stationary[:2], [0, 1.5], atol=1e-9)
    rows = gradients(0)
    np.testing.assert_allclose(JIT["cagrad"](rows, 0.0), rows.mean(0), rtol=1e-12)
