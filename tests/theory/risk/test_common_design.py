import numpy as np
import pytest

from theory.linear import common_covariance_optimum
from theory.risk import common_design_risk
from theory.tasks import TaskStatistics

P, K = 6, 3
NOISE = 0.8
SIGMA = np.diag(np.geomspace(0.5, 2, P))


def parameters() -> np.ndarray:
    """Signals `λ_j` of 9, 4 and 1."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.normal(size=(P, K)))[0]
    right = np.linalg.qr(rng.normal(size=(K, K)))[0]
    return ((left * [3, 2, 1]) @ right.T).T / np.sqrt(np.diag(SIGMA))


def test_risk_with_the_true_projector_is_the_mean_over_rows():
    theta, n, draws = parameters(), 20, 5000
    rng = np.random.default_rng(1)
    x = rng.normal(size=(draws, n, P)) * np.sqrt(np.diag(SIGMA))
    y = x @ theta.T + np.sqrt(NOISE) * rng.normal(size=(draws, n, K))
    gram = np.swapaxes(x, 1, 2) @ x
    single = np.linalg.solve(gram, np.swapaxes(x, 1, 2) @ y)
    found = common_design_risk(theta, n, NOISE, covariance=SIGMA, finite=True)
    vectors = np.linalg.eigh(theta @ SIGMA @ theta.T)[1][:, ::-1]
    for r in range(1, K + 1):
        projector = vectors[:, :r] @ vectors[:, :r].T
        error = single @ projector - theta.T
        risk = np.einsum("ndk,de,nek->nk", error, SIGMA, error)
        room = 5 * risk.std(axis=0) / np.sqrt(draws)
        assert np.all(abs(risk.mean(axis=0) - found.total[r - 1]) < room), r
    np.testing.assert_allclose(found.total[-1], found.single_task[-1], rtol=1e-12)
    limit = common_design_risk(theta, n, NOISE, covariance=SIGMA)
    np.testing.assert_allclose(
        limit.variance, found.variance * (n - P - 1) / (n - P), rtol=1e-14
    )


@pytest.mark.long
def test_the_projection_is_the_optimum_of_the_shared_module():
    theta, rng = parameters(), np.random.default_rng(2)
    x = rng.normal(size=(20, P))
    y = x @ theta.T + rng.normal(size=(20, K))
    tasks = TaskStatistics.from_data([x] * K, list(y.T))
    found = common_covariance_optimum(tasks, 2, np.ones(K)).parameters
    single = np.linalg.lstsq(x, y, rcond=None)[0]
    kept = np.linalg.eigh(single.T @ x.T @ x @ single)[1][:, 1:]
    np.testing.assert_allclose(found.T, single @ kept @ kept.T, rtol=1e-9, atol=1e-12)


def test_few_samples_are_infinite():
    few = common_design_risk(parameters(), P, NOISE, covariance=SIGMA)
    assert np.all(few.total == np.inf)
