"""Cross-validation on statistics against scikit-learn's on rows, and its rules."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from simulations.systems import (
    Dirty,
    HardSharing,
    Independent,
    MeanRegularised,
    TraceNorm,
    choose,
)
from simulations.systems.choose import _rules
from simulations.systems.folds import folded, union
from tests.strategies import rows
from theory.tasks import TaskStatistics

X, Y = rows(2, 3, 4)
LEVELS = np.array([5.0, -3.0, 100.0])


def parts(seed: int, folds: int) -> list[np.ndarray]:
    """The fold of every row, as `folded` draws it."""
    rng = np.random.default_rng(seed)
    return [(rng.permutation(len(y)) + rng.integers(folds)) % folds for y in Y]


@pytest.mark.parametrize("centre", [False, True])
def test_folds_add_up_to_all_rows(centre: bool):
    moved = [y + level for y, level in zip(Y, LEVELS, strict=True)]
    x, y = list(X), moved
    if centre:
        x = [own - own.mean(axis=0) for own in X]
        y = [own - own.mean() for own in moved]
    whole = TaskStatistics.from_data(x, y)
    found = union(folded(X, moved, 4, centre=centre))
    for field in ("gram", "moment", "energy", "samples"):
        expected = getattr(whole, field)
        np.testing.assert_allclose(
            getattr(found.statistics, field), expected, rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize("centre", [False, True])
def test_errors_are_those_of_ridge_on_the_other_rows(centre: bool):
    # δ = μ is ridge per task.
    strengths, folds, seed = [30.0, 1.0, 1e-3], 4, 5
    moved = [y + level for y, level in zip(Y, LEVELS, strict=True)]
    where, expected = parts(seed, folds), np.zeros((3, folds))
    for row, strength in enumerate(strengths):
        for fold in range(folds):
            missed = []
            for x, y, place in zip(X, moved, where, strict=True):
                held = place == fold
                ridge = Ridge(strength, fit_intercept=centre).fit(x[~held], y[~held])
                missed.append(ridge.predict(x[held]) - y[held])
            expected[row, fold] = np.mean(np.concatenate(missed) ** 2)
    found = []
    for strength in strengths:
        system = MeanRegularised(mean=strength, fit_intercept=centre)
        picked = choose(system, "deviation", X, moved, [strength], folds, seed=seed)
        found.append(picked.errors[0])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_grid_starts_where_all_parameters_are_zero():
    found: Any = choose(TraceNorm(), "strength", X, Y, folds=3)
    assert len(found.strengths) == len(found.errors) == 20
    assert found.errors.shape == (20, 3)
    top = TraceNorm(strength=found.strengths[0]).fit(X, Y)
    below = TraceNorm(strength=0.99 * found.strengths[0]).fit(X, Y)
    assert not top.coef_.any()
    assert below.coef_.any()
    assert found.strengths[0] > found.minimum
    assert found.system.strength == found.minimum
    expected = TraceNorm(strength=found.minimum).fit(X, Y).coef_
    np.testing.assert_array_equal(found.system.coef_, expected)


def test_any_values_may_be_chosen_among():
    # One direction shared by all tasks, and noise.
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(12, 4)) for _ in range(3)]
    y = [
        c * own[:, 0] + 0.5 * rng.normal(size=12)
        for c, own in zip((1, 2, 3), x, strict=True)
    ]
    rule = "one standard error"
    found: Any = choose(HardSharing(), "width", x, y, (1, 2, 3), folds=4, rule=rule)
    assert found.one_standard_error == 1 == found.system.width


def test_one_standard_error_takes_the_strongest_that_is_near_the_least():
    errors = np.array(
        [[3.8, 3.8, 3.8], [3.1, 3.3, 3.2], [2.0, 3.0, 4.0], [4.0, 4.0, 4]]
    )
    assert _rules(errors) == (2, 1)  # 3 + 1/√3 = 3.58
    errors[2] = [2.9, 3.0, 3.1]  # 3 + 0.1/√3 = 3.06
    assert _rules(errors) == (2, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"parameter": "force"}, "parameter must be one of .* got 'force'"),
        ({"strengths": []}, r"strengths must have at least one value, got \[\]"),
        ({"folds": 1}, "folds must be an integer from 2 to .* got 1"),
        ({"rule": "best"}, "rule must be one of .* got 'best'"),
        ({"system": Dirty(), "parameter": "own"}, "strengths must be given for own"),
        ({"covariates": [X[0], X[1], X[2][:1]], "labels": [Y[0], Y[1], Y[2][:1]]},
         "task 2: cross-validation needs at least 2 rows, got 1"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(changed: dict[str, Any], message: str):
    good = {
        "system": MeanRegularised(),
        "parameter": "deviation",
        "covariates": X,
        "labels": Y,
    }
    with pytest.raises(ValueError, match=message):
        choose(**{**good, **changed})


def test_a_system_without_parameters_has_nothing_to_choose():
    with pytest.raises(ValueError, match="strengths must be given for fit_intercept"):
        choose(Independent(), "fit_intercept", X, Y)


def test_tasks_of_few_rows_keep_some_in_every_training_part():
    small = [x[:n] for x, n in zip(X, (2, 3, 17), strict=True)]
    labels = [y[:n] for y, n in zip(Y, (2, 3, 17), strict=True)]
    found = choose(MeanRegularised(), "deviation", small, labels, [10.0, 1.0])
    assert np.isfinite(found.errors).all()
