"""M-CX: the check of the capacity curve, on made-up curves, and the whole claim."""

import numpy as np
import pytest

from paper_checks.claims import common_design
from paper_checks.claims.common_design import (
    NOISES,
    SIZES,
    TASKS,
    Curve,
    alike,
    check,
    noticed,
    without_inflation,
)
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from theory.linear import common_covariance_optimum
from theory.tasks import TaskStatistics

# What is left out, at the three sizes: falling as 1/n.
LEFT = [0.4, 0.1, 0.025]


def curves(left: list[float]) -> list[Curve]:
    rng = np.random.default_rng(0)
    bias = rng.gamma(2, 1, (TASKS, TASKS))
    share = rng.uniform(0.1, 1, (TASKS, TASKS))
    stated = bias + np.asarray(NOISES)[:, None, None] * share
    return [
        Curve(stated * (1 + one), np.full(stated.shape, 1e-6), stated) for one in left
    ]


def test_what_falls_as_one_over_n_holds_and_what_stays_does_not():
    assert check(curves(LEFT)).broken == 0
    assert noticed(check(curves([0.4, 0.1, 0.09]))) == len(NOISES)
    assert noticed(check(curves([0.4, 0.1, np.nan]))) == len(NOISES)


def test_mutants_are_noticed():
    made = curves([0.04, 0.01, 0.0025])
    pairs = zip(made, SIZES, strict=True)
    assert noticed(check([without_inflation(*pair) for pair in pairs])) == len(NOISES)
    assert noticed(check([alike(one) for one in made])) == len(NOISES)


def test_without_noise_every_width_is_a_projection():
    rng, theta = np.random.default_rng(1), np.eye(TASKS)[:, ::-1] * [1.0, 2, 3, 4]
    silent = common_design.squared_errors(rng, theta, 9, 2)[:, 0]
    assert silent.shape == (2, TASKS, TASKS)
    assert np.all(np.isfinite(silent))


@pytest.mark.long
def test_the_projection_is_the_optimum_of_the_shared_module(monkeypatch):
    theta = common_design.parameters(np.random.default_rng(2), 6)
    monkeypatch.setattr(common_design, "NOISES", (2.0,))
    found = common_design.squared_errors(np.random.default_rng(5), theta, 20, 1)
    rng = np.random.default_rng(5)
    x, noise = rng.normal(size=(20, 6)), rng.normal(size=(20, TASKS))
    y = x @ theta.T + np.sqrt(2.0) * noise
    tasks = TaskStatistics.from_data([x] * TASKS, list(y.T))
    for width in range(1, TASKS):
        best = common_covariance_optimum(tasks, width, np.ones(TASKS)).parameters
        error = np.sum((np.asarray(best) - theta) ** 2, axis=1)
        np.testing.assert_allclose(found[0, 0, width - 1], error, rtol=1e-8)


@pytest.mark.long
def test_the_claim_is_measured():
    found = common_design.find(Settings())
    assert found.verdict is Verdict.HOLDS
    assert found.measurements[2].high < -0.5  # the exponent of n
