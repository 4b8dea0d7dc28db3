"""Logistic fits against a general minimiser, and rows left out against refits."""

import numpy as np
import pytest
import scipy.optimize
from sklearn.linear_model import LogisticRegression

from theory.classes import logistic, logistic_left_out


def data(number: int = 3, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, task = rng.normal(size=(n, 2)), np.repeat([0, 1], [n // 3, n - n // 3])
    theta = np.array([[1.0, 0], [0, 1], [-1, -1], [0, 0]])[:number]
    logits = x @ theta.T + task[:, None] * np.arange(number) / 2
    noise = rng.gumbel(size=logits.shape)
    return x, np.argmax(logits + noise, axis=1), task


def objective(flat, x, y, task, penalty, seen) -> float:
    """Written out row by row, for parameters of each class."""
    number, d = seen.shape[1], x.shape[1]
    theta, level = flat[: number * d].reshape(number, d), flat[number * d :]
    level = level.reshape(len(seen), number)
    total = penalty / 2 * np.sum(theta**2)
    for row, label, own in zip(x, y, task, strict=True):
        logits = [theta[c] @ row + level[own, c] for c in range(number) if seen[own, c]]
        mine = theta[label] @ row + level[own, label]
        total += np.log(np.sum(np.exp(logits))) - mine
    return float(total)


def test_the_fit_is_the_minimum_also_where_a_task_lacks_a_class():
    x, y, task = data(n=30)
    y[(task == 0) & (y == 2)] = 0
    found = logistic(x, y, task, 0.7, classes=3)
    assert found.converged
    seen = np.array([[True, True, False], [True, True, True]])
    flat = np.append(found.slope.ravel(), found.level.ravel())
    least = scipy.optimize.minimize(
        objective, np.zeros(len(flat)), (x, y, task, 0.7, seen), tol=1e-12
    )
    here = objective(flat, x, y, task, 0.7, seen)
    np.testing.assert_allclose(here, least.fun, rtol=1e-9)
    assert not found.probability[task == 0, 2].any()
    np.testing.assert_allclose(found.slope.sum(axis=0), 0, atol=1e-9)


def test_two_classes_are_the_usual_logistic_regression():
    x, y, _ = data(2)
    found = logistic(x, y, np.zeros(len(y), int), 2.0, classes=2)
    # Slopes ±θ/2 of both classes cost λθ²/4, half of the usual penalty.
    usual = LogisticRegression(C=1 / 1.0, tol=1e-12, max_iter=1000).fit(x, y)
    np.testing.assert_allclose(
        found.slope[1] - found.slope[0], usual.coef_[0], rtol=1e-5
    )


@pytest.mark.parametrize(("number", "n"), [(2, 60), (3, 150)])
def test_rows_left_out_are_near_refits(number, n):
    """One step explains what leaving out does to all but 3 % (1 % for 150 rows)."""
    x, y, task = data(number, n)
    fit = logistic(x, y, task, 1.0, classes=number)
    found = logistic_left_out(fit)
    exact = np.empty_like(found)
    for row in range(n):
        rest = np.arange(n) != row
        refit = logistic(x[rest], y[rest], task[rest], 1.0, classes=number, start=fit)
        logits = refit.slope @ x[row] + refit.level[task[row]]
        exact[row] = logits - np.log(np.sum(np.exp(logits)))
    loss, true, own = (
        -v[np.arange(n), y] for v in (found, exact, np.log(fit.probability))
    )
    assert abs(loss.mean() - true.mean()) < 0.04 * (true.mean() - own.mean())
    assert np.max(np.abs(loss - true)) < 0.2 * np.max(np.abs(true - own))


def test_clusters_are_left_out_together():
    x, y, task = data(2)
    fit = logistic(x, y, task, 1.0, classes=2)
    cluster = np.append(np.arange(20), np.arange(40))  # one row of each task
    found = logistic_left_out(fit, cluster)
    for one in (0, 7):
        out = cluster == one
        refit = logistic(x[~out], y[~out], task[~out], 1.0, classes=2)
        logits = x[out] @ refit.slope.T + refit.level[task[out]]
        exact = logits - np.log(np.sum(np.exp(logits), axis=1))[:, None]
        alone = logistic_left_out(fit)[out]
        assert np.abs(found[out] - exact).max() < np.abs(alone - exact).max()


def test_bad_arguments_are_refused():
    x, y, task = data(2)
    with pytest.raises(ValueError, match="labels"):
        logistic(x, y + 1, task, 1.0, classes=2)
    with pytest.raises(ValueError, match="penalty must be finite and > 0, got 0"):
        logistic(x, y, task, 0.0, classes=2)
    with pytest.raises(ValueError, match="classes must be an integer >= 2"):
        logistic(x, y, task, 1.0, classes=1)
