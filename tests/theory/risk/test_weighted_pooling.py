"""Risk given the rows of a pair, or of tasks with weights, against drawn labels."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import pytest
from jax.typing import ArrayLike

from tests.theory.differences import differences_agree
from tests.theory.risk.monte_carlo import assert_mean, averaged
from theory.risk import (
    conditional_risk,
    mean_conditional_risk,
    mean_weighted_risk,
    pooled_risk,
    scalar_heads_risk,
    weighted_risk,
)

D, K = 6, 3
SIZES = (3, 14, 9)  # the first has fewer rows than dimensions
NOISE = np.array([0.3, 1.1, 0.7])
SHIFT = np.array([0.5, 1.5, 0.9])
WEIGHTS = np.array([0.4, 0.9, 1.3])

draw = np.random.default_rng(0)
X = [draw.normal(size=(m, D)) * np.geomspace(1, 1 + i, D) for i, m in enumerate(SIZES)]
ROOT = draw.normal(size=(D, D))
GRAMS, SIGMA = np.stack([x.T @ x for x in X]), ROOT @ ROOT.T
# The pair has the last two tasks.
THETA = draw.normal(size=(K, D))
PAIR, BOTH = GRAMS[1:], THETA[1:]


def labelled(
    rows: Sequence[np.ndarray], b: np.ndarray, noise: ArrayLike, draws: int, seed: int
) -> list[np.ndarray]:
    """Labels `X_ib_i + ε_i`, a row a draw; `b` may differ between draws."""
    rng = np.random.default_rng(seed)
    sigma = np.sqrt(np.broadcast_to(noise, len(rows)))
    return [
        b[..., i, :] @ x.T + s * rng.normal(size=(draws, len(x)))
        for i, (x, s) in enumerate(zip(rows, sigma, strict=True))
    ]


def errors(
    factors: np.ndarray,
    rows: Sequence[np.ndarray],
    fitted: Sequence[np.ndarray],
    b: np.ndarray,
) -> np.ndarray:
    """Errors of least squares on scaled rows and labels, apart from Gram matrices."""
    scaled = np.concatenate([f * x for f, x in zip(factors, rows, strict=True)])
    joined = np.concatenate(fitted, axis=1)
    return np.linalg.lstsq(scaled, joined.T, rcond=None)[0].T - b


@pytest.mark.parametrize("w", [1.0, 0.6, -0.5, 0.0])
def test_conditional_risk_is_the_mean_over_labels(w):
    y = labelled(X[1:], BOTH, 0.7, 4000, 1)
    error = errors(np.array([w, 1.0]), X[1:], y, BOTH[1])
    found = conditional_risk(PAIR, BOTH, 0.7, target_covariance=SIGMA, ratio=w)
    assert_mean(found, error, SIGMA)
    alone = 0.7 * np.trace(SIGMA @ np.linalg.inv(PAIR[1]))
    np.testing.assert_allclose(found.single_task, alone, rtol=1e-12)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("at", [0, 2])
def test_weighted_risk_is_the_mean_over_labels_and_maybe_parameters(at, mean):
    draws, root = 20000, np.sqrt(WEIGHTS)
    b = THETA
    if mean:
        scale = np.sqrt(SHIFT / D)[:, None]
        b = scale * np.random.default_rng(2).normal(size=(draws, K, D))
    y = labelled(X, b, NOISE, draws, 1)
    scaled = [f * one for f, one in zip(root, y, strict=True)]
    error = errors(root, X, scaled, b[..., at, :])
    if mean:
        found = mean_weighted_risk(
            GRAMS, NOISE, SHIFT, WEIGHTS, target=at, target_covariance=SIGMA
        )
        risk = averaged(np.einsum("nd,de,ne->n", error, SIGMA, error))
        assert abs(found.total - risk.mean) < 5 * risk.error
    else:
        found = weighted_risk(
            GRAMS, THETA, NOISE, WEIGHTS, target=at, target_covariance=SIGMA
        )
        assert_mean(found, error, SIGMA)
    alone = np.inf
    if at:
        alone = NOISE[at] * np.trace(SIGMA @ np.linalg.inv(GRAMS[at]))
    np.testing.assert_allclose(found.single_task, alone, rtol=1e-12)


def test_mean_over_parameters_is_the_mean_of_conditional_risks():
    # The risk is a quadratic form in b_1 − b_2: unit vectors give its trace.
    units = np.stack([np.eye(D), np.zeros((D, D))], axis=1)
    each = [conditional_risk(PAIR, b, 0.7, target_covariance=SIGMA) for b in units]
    found = mean_conditional_risk(PAIR, 0.7, 1.7, target_covariance=SIGMA)
    total = sum(float(one.bias) for one in each)
    np.testing.assert_allclose(found.bias, 2 * 1.7 / D * total, rtol=1e-12)
    np.testing.assert_allclose(found.variance, each[0].variance, rtol=1e-13)


def test_two_tasks_of_equal_weight_are_the_pooled_pair():
    # A task without rows is no task, and only ratios of weights matter.
    grams, weights = np.stack([0 * PAIR[0], *PAIR]), np.array([3.0, 7.0, 7.0])
    known: dict[str, Any] = {"target_covariance": SIGMA}
    found = (
        weighted_risk(grams, THETA, 0.7, weights, **known),
        mean_weighted_risk(grams, 0.7, 1.3, weights, **known),
    )
    pair = (
        conditional_risk(PAIR, BOTH, 0.7, **known),
        mean_conditional_risk(PAIR, 0.7, 1.3, **known),
    )
    # 6 x 6 matrices of condition below 100.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), found, pair)


@pytest.mark.long
def test_a_weight_of_zero_leaves_the_task_out_and_slopes_are_differences():
    def total(alpha: ArrayLike, g: ArrayLike = GRAMS) -> jax.Array:
        return mean_weighted_risk(g, 1.0, 1.0, alpha).total

    absent = np.stack([np.zeros((D, D)), *PAIR])
    zero = WEIGHTS * [0, 1, 1]
    np.testing.assert_allclose(total(zero), total(WEIGHTS, absent), rtol=1e-12)
    differences_agree(total, (WEIGHTS,), (zero,), step=1e-5, rtol=1e-6)
    slope = jax.grad(total)(zero)
    assert abs(slope @ zero) < 1e-12  # the scale of weights is free
    ahead = (total(zero + 1e-6 * np.eye(K)[0]) - total(zero)) / 1e-6
    np.testing.assert_allclose(slope[0], ahead, rtol=1e-4)


def test_singular_samples_are_infinite_and_units_do_not_matter():
    few = [GRAMS[1], X[2][:3].T @ X[2][:3]]
    found = conditional_risk(few, BOTH, 1)
    assert found.single_task == np.inf
    assert np.isfinite(found.total)
    assert conditional_risk([X[1][:2].T @ X[1][:2], few[1]], BOTH, 1).total == np.inf
    none = mean_weighted_risk([*PAIR, 0 * PAIR[0]], 1, 1, np.eye(3)[2])
    assert none.total == none.single_task == np.inf
    units = np.geomspace(1e-8, 1e8, D)
    grams, covariance = PAIR * units[:, None] * units, np.diag(units**2)
    scaled = conditional_risk(grams, BOTH / units, 1, target_covariance=covariance)
    np.testing.assert_allclose(scaled.total, conditional_risk(PAIR, BOTH, 1).total)


@pytest.mark.long
@pytest.mark.parametrize("w", [0.6, 1.0])
def test_limit_of_scalar_heads_is_near_draws_of_rows(w):
    p, sizes, rng = 40, (60, 90), np.random.default_rng(3)
    s, shift, common = np.geomspace(0.1, 5, p), 0.5, 2.0
    totals = []
    for _ in range(150):
        x_1 = rng.normal(size=(sizes[0], p)) * np.sqrt(s)
        x_2 = rng.normal(size=(sizes[1], p))
        b_0 = rng.normal(size=p) * np.sqrt(common / p)
        b = b_0 + rng.normal(size=(2, p)) * np.sqrt(shift / p)
        grams = np.stack([x_1.T @ x_1, x_2.T @ x_2])
        totals.append(float(conditional_risk(grams, b, 0.8, ratio=w).total))
    found = scalar_heads_risk(w, *sizes, p, 0.8, shift, common, source_spectrum=s)
    measured = averaged(totals)
    # The limit is 1/(n − p) from the mean, relatively: as p/(n−p) from p/(n−p−1).
    gap = 2 * found.variance / (sum(sizes) - p)
    assert abs(measured.mean - found.total) < 5 * measured.error + gap
    if w == 1:
        pooled = pooled_risk(*sizes, p, 0.8, shift, source_spectrum=s)
        np.testing.assert_allclose(found.total, pooled.total, rtol=1e-13)
