"""No lower bound is above what the rows reach in exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.linear.adversaries import FAMILIES, draw
from tests.theory.linear.exact_judge import (
    ExactTask,
    alone,
    best_module,
    loss_of,
    reached,
    upper_bound,
)
from theory.linear import SharedOptimum, shared_optimum
from theory.tasks import Tasks


def both(covariates, labels, width=1, weights=None) -> list[SharedOptimum]:
    """The optimum from rows and from their statistics."""
    rows = Tasks.from_data(covariates, labels)
    return [
        shared_optimum(tasks, width, weights) for tasks in (rows, rows.statistics())
    ]


def fuzz(family: str, seeds: range) -> int:
    """Compare every lower bound with exact losses; return how many were certified."""
    certified = 0
    for seed in seeds:
        covariates, labels, weights, width = draw(family, seed)
        rows = zip(covariates, labels, weights, strict=True)
        tasks = [ExactTask(*task) for task in rows]
        least = None
        if width == 1:
            least = upper_bound(covariates, labels, weights, octaves=range(-60, 61, 6))
        elif width >= min(len(labels), covariates[0].shape[1]):
            least = alone(tasks)
        for found in both(covariates, labels, width, weights):
            bound = Fraction(float(found.lower_bound))
            assert bound <= loss_of(tasks, np.asarray(found.parameters)), seed
            assert least is None or bound <= least, (seed, found.describe())
            certified += bool(found.certified)
    return certified


@pytest.mark.parametrize("family", FAMILIES)
def test_no_bound_is_above_what_rows_reach_exactly(family):
    fuzz(family, range(8))


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_no_bound_of_many_is_above_what_rows_reach_exactly(family):
    fuzz(family, range(8, 150))


def assert_not_certified(covariates, labels, most: float, tasks, module) -> None:
    """The module reaches a share `most` of the energy, and no bound is above that."""
    loss = reached(tasks, module)
    assert loss <= most * sum(t.energy for t in tasks)
    for found in both(covariates, labels):
        assert not found.certified
        assert Fraction(float(found.lower_bound)) <= loss


@pytest.mark.parametrize("step", [1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12])
def test_two_near_equal_columns_whose_difference_explains_the_labels(step):
    rng = np.random.default_rng(0)
    covariates, labels = [], []
    for m in (20, 30):
        a, b, c = rng.normal(size=(3, m))
        covariates.append(np.stack([a, a + step * b, c], axis=1))
        labels.append(b)
    tasks = [ExactTask(x, y) for x, y in zip(covariates, labels, strict=True)]
    difference = [Fraction(-1), Fraction(1), Fraction(0)]
    assert_not_certified(covariates, labels, 1e-6, tasks, difference)


def test_few_rows_and_their_copy_in_32_bits_are_fitted_by_one_direction():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 20))
    covariates = [x, x.astype(np.float32).astype(float)]
    labels = list(rng.normal(size=(2, 10)))
    tasks = [ExactTask(x, y) for x, y in zip(covariates, labels, strict=True)]
    # Twenty independent rows in twenty dimensions: one B solves them all.
    module = best_module(tasks, [Fraction(1), Fraction(1)])
    assert_not_certified(covariates, labels, 0.0, tasks, module)


def test_nearly_one_covariance_of_few_rows_is_not_one():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 3))
    covariates = [x, x + 1e-10 * rng.normal(size=(2, 3))]
    labels = list(rng.normal(size=(2, 2)))
    least = upper_bound(covariates, labels)
    assert least <= 1e-4 * sum(float(y @ y) for y in labels)
    for found in both(covariates, labels):
        assert not found.certified
        assert Fraction(float(found.lower_bound)) <= least


def test_one_matrix_of_few_rows_is_certified_from_rows_alone():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 3))
    labels = list(rng.normal(size=(2, 2)))
    rows, statistics = both([x, x], labels)
    assert rows.certified
    # Both tasks interpolate, so the least singular value of the labels is lost.
    lost = np.linalg.svd(np.stack(labels), compute_uv=False)[1] ** 2
    np.testing.assert_allclose(rows.loss, lost, rtol=1e-12)
    assert not statistics.certified
