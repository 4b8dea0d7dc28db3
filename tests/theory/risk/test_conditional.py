import numpy as np
import pytest

from theory.risk import (
    conditional_risk,
    mean_conditional_risk,
    pooled_risk,
    scalar_heads_risk,
)

D = 6


def problem() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(m, D)) * np.geomspace(1, 3, D) for m in (15, 12)]
    root = rng.normal(size=(D, D))
    return *x, rng.normal(size=(2, D)), root @ root.T


@pytest.mark.parametrize("w", [1.0, 0.6, -0.5, 0.0])
def test_conditional_risk_is_the_mean_over_labels(w):
    x_1, x_2, b, sigma = problem()
    rng, noise, draws = np.random.default_rng(1), 0.7, 4000
    y = [
        x @ t + np.sqrt(noise) * rng.normal(size=(draws, len(x)))
        for x, t in zip((x_1, x_2), b, strict=True)
    ]
    # Least squares on the rows w X_1 and X_2, apart from any Gram matrix.
    stacked = np.concatenate([w * x_1, x_2])
    labels = np.concatenate(y, axis=1)
    error = np.linalg.lstsq(stacked, labels.T, rcond=None)[0].T - b[1]
    risk = np.einsum("nd,de,ne->n", error, sigma, error)
    grams = np.stack([x_1.T @ x_1, x_2.T @ x_2])
    found = conditional_risk(grams, b, noise, target_covariance=sigma, ratio=w)
    assert abs(found.total - risk.mean()) < 5 * risk.std() / np.sqrt(draws)
    mean = error.mean(axis=0)
    spread = np.trace(sigma @ np.cov(error.T)) / draws
    # The square of a mean of n draws has an excess of spread, and an error of
    # twice the root of bias times spread.
    assert abs(mean @ sigma @ mean - found.bias) < 5 * (
        spread + 2 * np.sqrt(spread * found.bias)
    )
    alone = noise * np.trace(sigma @ np.linalg.inv(x_2.T @ x_2))
    np.testing.assert_allclose(found.single_task, alone, rtol=1e-12)


def test_mean_over_parameters_is_the_mean_of_conditional_risks():
    x_1, x_2, _, sigma = problem()
    grams = np.stack([x_1.T @ x_1, x_2.T @ x_2])
    shift = 1.7
    # The risk is a quadratic form in b_1 − b_2: unit vectors give its trace.
    units = np.stack([np.eye(D), np.zeros((D, D))], axis=1)
    each = [
        float(conditional_risk(grams, b, 0.7, target_covariance=sigma).bias)
        for b in units
    ]
    found = mean_conditional_risk(grams, 0.7, shift, target_covariance=sigma)
    np.testing.assert_allclose(found.bias, 2 * shift / D * np.sum(each), rtol=1e-12)
    pooled = conditional_risk(grams, units[0], 0.7, target_covariance=sigma)
    np.testing.assert_allclose(found.variance, pooled.variance, rtol=1e-13)


def test_singular_samples_are_infinite_and_units_do_not_matter():
    x_1, x_2, b, _ = problem()
    few = np.stack([x_1.T @ x_1, x_2[:3].T @ x_2[:3]])
    found = conditional_risk(few, b, 1)
    assert found.single_task == np.inf
    assert np.isfinite(found.total)
    none = np.stack([x_1[:2].T @ x_1[:2], x_2[:3].T @ x_2[:3]])
    assert conditional_risk(none, b, 1).total == np.inf
    units = np.geomspace(1e-8, 1e8, D)
    grams = np.stack([x_1.T @ x_1, x_2.T @ x_2])
    scaled = conditional_risk(
        grams * units[:, None] * units,
        b / units,
        1,
        target_covariance=np.diag(units**2),
    )
    np.testing.assert_allclose(scaled.total, conditional_risk(grams, b, 1).total)


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
    error = np.std(totals) / np.sqrt(len(totals))
    # The limit is 1/(n − p) from the mean, relatively: as p/(n−p) from p/(n−p−1).
    gap = 2 * found.variance / (sum(sizes) - p)
    assert abs(np.mean(totals) - found.total) < 5 * error + gap
    if w == 1:
        pooled = pooled_risk(*sizes, p, 0.8, shift, source_spectrum=s)
        np.testing.assert_allclose(found.total, pooled.total, rtol=1e-13)
