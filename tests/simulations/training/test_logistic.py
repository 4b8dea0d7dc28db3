"""Logistic training against scikit-learn, and against tasks apart."""

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from simulations.training import (
    Adam,
    LevenbergMarquardt,
    LogisticModel,
    Parameters,
    Status,
    train,
)
from tests.simulations.training.problems import WEIGHTS, plain_loss, rows
from theory.tasks import Tasks

KEY = jax.random.key(0)
D = 3
SOLVERS = [LevenbergMarquardt(), Adam(rate=3e-2, steps=5000, tolerance=1e-7)]


def peer(x, y, *, bias):
    return LogisticRegression(
        C=np.inf, fit_intercept=bias, solver="newton-cholesky", tol=1e-12
    ).fit(x, y)


@pytest.mark.parametrize("solver", SOLVERS, ids=["second order", "Adam"])
@pytest.mark.parametrize("bias", [False, True])
def test_one_task_is_logistic_regression(bias, solver):
    xs, ys = rows(1, D, binary=True)
    model = LogisticModel.from_tasks(Tasks.from_data(xs[:1], ys[:1]), bias=bias)
    found = train(model, 1, None, KEY, starts=2, solver=solver)
    best = peer(xs[0], ys[0], bias=bias)
    assert found.status[0] == Status.CONVERGED
    # The gradient is within 1e-7, and the least curvature is above 1e-3.
    np.testing.assert_allclose(found.shared @ found.heads[0], best.coef_[0], rtol=1e-3)
    if bias:
        assert found.bias is not None
        np.testing.assert_allclose(found.bias, best.intercept_, rtol=1e-3)
    else:
        assert found.bias is None
    total = len(ys[0]) * -np.mean(
        np.log(best.predict_proba(xs[0])[np.arange(len(ys[0])), ys[0].astype(int)])
    )
    assert float(found.loss) == pytest.approx(total, rel=1e-8)


@pytest.mark.long
def test_a_wide_module_learns_each_task_apart():
    xs, ys = rows(1, D, binary=True)
    found = train(LogisticModel.from_tasks(Tasks.from_data(xs, ys)), 2, None, KEY)
    theta = found.heads @ found.shared.T
    for x, y, own in zip(xs, ys, theta, strict=True):
        np.testing.assert_allclose(own, peer(x, y, bias=False).coef_[0], rtol=1e-4)


@pytest.mark.long
def test_a_relu_module_goes_below_the_linear_start_and_reports_its_own_loss():
    xs, ys = rows(2, D, binary=True)
    model = LogisticModel.from_tasks(Tasks.from_data(xs, ys), relu=True, bias=True)
    found = train(model, 2, WEIGHTS, KEY)
    at = Parameters(found.shared, found.heads, found.bias)
    plain = plain_loss(xs, ys, at, relu=True, logistic=True)
    assert float(found.loss) == pytest.approx(plain, rel=1e-10)
    assert float(found.loss) < np.log(2) * (0.5 * len(ys[0]) + 2 * len(ys[1]))
