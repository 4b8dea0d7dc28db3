import jax
import numpy as np
import pytest
from jax.typing import ArrayLike

from tests.theory.differences import differences_agree
from theory.risk import (
    conditional_risk,
    mean_conditional_risk,
    mean_weighted_risk,
    weighted_risk,
)

D, K = 6, 3
SIZES = (3, 14, 9)  # the first has fewer rows than dimensions
NOISE = np.array([0.3, 1.1, 0.7])
SHIFT = np.array([0.5, 1.5, 0.9])
WEIGHTS = np.array([0.4, 0.9, 1.3])


def problem() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = [
        rng.normal(size=(m, D)) * np.geomspace(1, 1 + i, D) for i, m in enumerate(SIZES)
    ]
    root = rng.normal(size=(D, D))
    return x, np.stack([one.T @ one for one in x]), root @ root.T


def errors(rng: np.random.Generator, b: np.ndarray, at: int, draws: int) -> np.ndarray:
    """Errors of weighted least squares on drawn labels, apart from Gram matrices."""
    x, _, _ = problem()
    rows = np.concatenate([np.sqrt(w) * one for w, one in zip(WEIGHTS, x, strict=True)])
    labels = [
        np.sqrt(w) * (b[:, i] @ one.T + np.sqrt(s) * rng.normal(size=(draws, len(one))))
        for i, (w, s, one) in enumerate(zip(WEIGHTS, NOISE, x, strict=True))
    ]
    found = np.linalg.lstsq(rows, np.concatenate(labels, axis=1).T, rcond=None)[0].T
    return found - b[:, at]


@pytest.mark.parametrize("at", [0, 2])
def test_weighted_risk_is_the_mean_over_labels(at):
    _, grams, sigma = problem()
    rng, draws = np.random.default_rng(1), 20000
    b = rng.normal(size=(K, D))
    error = errors(rng, np.broadcast_to(b, (draws, K, D)), at, draws)
    risk = np.einsum("nd,de,ne->n", error, sigma, error)
    found = weighted_risk(grams, b, NOISE, WEIGHTS, target=at, target_covariance=sigma)
    assert abs(found.total - risk.mean()) < 5 * risk.std() / np.sqrt(draws)
    mean = error.mean(axis=0)
    spread = np.trace(sigma @ np.cov(error.T)) / draws
    # As in test_conditional: a mean of n draws, squared.
    assert abs(mean @ sigma @ mean - found.bias) < 5 * (
        spread + 2 * np.sqrt(spread * found.bias)
    )
    if at == 0:
        assert found.single_task == np.inf
    else:
        alone = NOISE[at] * np.trace(sigma @ np.linalg.inv(grams[at]))
        np.testing.assert_allclose(found.single_task, alone, rtol=1e-12)


@pytest.mark.parametrize("at", [0, 2])
def test_mean_weighted_risk_is_the_mean_over_parameters_and_labels(at):
    _, grams, sigma = problem()
    rng, draws = np.random.default_rng(2), 20000
    b = np.sqrt(SHIFT / D)[:, None] * rng.normal(size=(draws, K, D))
    error = errors(rng, b, at, draws)
    risk = np.einsum("nd,de,ne->n", error, sigma, error)
    found = mean_weighted_risk(
        grams, NOISE, SHIFT, WEIGHTS, target=at, target_covariance=sigma
    )
    assert abs(found.total - risk.mean()) < 5 * risk.std() / np.sqrt(draws)


def test_two_tasks_of_equal_weight_are_the_pooled_pair():
    _, grams, sigma = problem()
    # A task without rows is no task, and only ratios of weights matter.
    grams[0], weights = 0, np.array([3.0, 7.0, 7.0])
    b = np.random.default_rng(3).normal(size=(K, D))
    for found, known in (
        (
            weighted_risk(grams, b, 0.7, weights),
            conditional_risk(grams[1:], b[1:], 0.7),
        ),
        (
            mean_weighted_risk(grams, 0.7, 1.3, weights, target_covariance=sigma),
            mean_conditional_risk(grams[1:], 0.7, 1.3, target_covariance=sigma),
        ),
    ):
        for name in ("bias", "variance", "single_task"):
            # 6 x 6 matrices of condition below 100.
            np.testing.assert_allclose(
                getattr(found, name), getattr(known, name), rtol=1e-12
            )


@pytest.mark.long
def test_a_weight_of_zero_leaves_the_task_out_and_slopes_are_differences():
    _, grams, _ = problem()

    def total(alpha: ArrayLike, g: ArrayLike = grams) -> jax.Array:
        return mean_weighted_risk(g, 1.0, 1.0, alpha).total

    absent = np.stack([np.zeros((D, D)), *grams[1:]])
    zero = WEIGHTS * [0, 1, 1]
    np.testing.assert_allclose(total(zero), total(WEIGHTS, absent), rtol=1e-12)
    differences_agree(total, (WEIGHTS,), (zero,), step=1e-5, rtol=1e-6)
    slope = jax.grad(total)(zero)
    assert abs(slope @ zero) < 1e-12  # the scale of weights is free
    ahead = (total(zero + 1e-6 * np.eye(K)[0]) - total(zero)) / 1e-6
    np.testing.assert_allclose(slope[0], ahead, rtol=1e-4)


def test_too_few_rows_are_infinite():
    grams = np.stack([np.eye(D)] * K)
    few = mean_weighted_risk(grams, 1, 1, np.eye(3)[1], target=0)
    assert np.isfinite(few.total)
    none = mean_weighted_risk(grams * [[[1]], [[1]], [[0]]], 1, 1, np.eye(3)[2])
    assert none.total == none.single_task == np.inf
