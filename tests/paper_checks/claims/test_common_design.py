"""M-CX: the check of the capacity curve, on made-up curves, and its draws."""

import numpy as np
import pytest

from paper_checks.claims.common_design import SIGNALS, SIZES, WRONG, noticed
from paper_checks.studies import capacity_curves
from paper_checks.studies.capacity_curves import NOISES, TASKS, Curve, check
from theory.linear import common_covariance_optimum
from theory.tasks import TaskStatistics


def curves(left: list[float]) -> list[Curve]:
    rng = np.random.default_rng(0)
    shape = (len(NOISES), TASKS, TASKS)
    bias = np.broadcast_to(rng.gamma(2, 1, shape[1:]), shape)
    share = rng.uniform(0.1, 1, shape[1:])
    variance = np.asarray(NOISES)[:, None, None] * share
    risk, error = bias + variance, np.full(shape, 1e-6)
    return [Curve(risk * (1 + one), error, bias, variance) for one in left]


def test_what_falls_as_one_over_n_holds_and_what_stays_does_not():
    assert check(curves([0.4, 0.1, 0.025])).broken == 0
    assert noticed(curves([0.4, 0.1, 0.09])).all()
    assert noticed(curves([0.4, 0.1, np.nan])).all()


@pytest.mark.parametrize("name", WRONG)
def test_another_variance_is_noticed(name):
    right = zip(curves([0.04, 0.01, 0.0025]), SIZES, strict=True)
    wrong = [c._replace(variance=WRONG[name](c.variance, *size)) for c, size in right]
    assert noticed(wrong).all()


@pytest.mark.long
def test_the_projection_is_the_optimum_of_the_shared_module(monkeypatch):
    theta = capacity_curves.parameters(np.random.default_rng(2), 6, SIGNALS)
    monkeypatch.setattr(capacity_curves, "NOISES", (2.0,))
    found = capacity_curves.squared_errors(np.random.default_rng(5), theta, 20, 1)
    rng = np.random.default_rng(5)
    x, noise = rng.normal(size=(20, 6)), rng.normal(size=(20, TASKS))
    y = x @ theta.T + np.sqrt(2.0) * noise
    tasks = TaskStatistics.from_data([x] * TASKS, list(y.T))
    for width in range(1, TASKS):
        best = common_covariance_optimum(tasks, width, np.ones(TASKS)).parameters
        error = np.sum((np.asarray(best) - theta) ** 2, axis=1)
        np.testing.assert_allclose(found[0, 0, width - 1], error, rtol=1e-8)
