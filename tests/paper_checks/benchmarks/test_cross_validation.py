"""Errors from fold statistics against the same protocol on rows."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit
from sklearn.preprocessing import StandardScaler

from paper_checks.benchmarks.cross_validation import cross_validate, default_widths
from paper_checks.benchmarks.folds import assign_folds, fold_statistics, standardise
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.bundled import diabetes, digits, linnerud

FOLDS = 3
# Statistics square the condition number of X: κ² ε is below 1e-11 for these sets.
ROUNDING = 1e-9


def rows_error(benchmark: LinearBenchmark, width: int | None) -> np.ndarray:
    """Error (task, fold) with rows, scikit-learn's scaler and lstsq; None is alone."""
    assignment = assign_folds(benchmark, FOLDS, 0)
    errors = np.zeros((benchmark.count, FOLDS))
    for fold in range(FOLDS):
        # Split by split, as scikit-learn would.
        splits = [list(PredefinedSplit(marks).split())[fold] for marks in assignment]
        centres = [
            StandardScaler(with_std=False).fit(x[train])
            for x, (train, _) in zip(benchmark.covariates, splits, strict=True)
        ]
        triples = list(zip(centres, benchmark.covariates, splits, strict=True))
        within = np.concatenate([c.transform(x[train]) for c, x, (train, _) in triples])
        spread = StandardScaler(with_mean=False).fit(within)
        xs = [
            np.asarray(spread.transform(c.transform(x[train])))
            for c, x, (train, _) in triples
        ]
        tests = [spread.transform(c.transform(x[test])) for c, x, (_, test) in triples]
        ys = [y[train] for y, (train, _) in zip(benchmark.labels, splits, strict=True)]
        ys = [(y - y.mean()) / y.std() for y in ys]
        theta = np.stack(
            [np.linalg.lstsq(x, y)[0] for x, y in zip(xs, ys, strict=True)]
        )
        if width is not None and width < benchmark.count:
            # Eckart-Young on the fitted values, which common covariates allow.
            fitted = np.stack([xs[0] @ t for t in theta], axis=1)
            right = np.linalg.svd(fitted, full_matrices=False)[2][:width]
            theta = right.T @ right @ theta
        for task, (train, test) in enumerate(splits):
            own = benchmark.labels[task]
            goal = (own[test] - own[train].mean()) / own[train].std()
            errors[task, fold] = np.mean((tests[task] @ theta[task] - goal) ** 2)
    return errors


@pytest.mark.parametrize(
    ("make", "widths"),
    [
        (linnerud, [1, 2, 3]),
        (diabetes, [2]),
        # Pixels of deficient rank.
        pytest.param(digits, [4], marks=pytest.mark.long),
    ],
)
def test_errors_are_those_of_rows(make, widths: list[int]):
    benchmark = make()
    data = cross_validate(benchmark, widths=widths, folds=FOLDS)
    alone = rows_error(benchmark, None)
    np.testing.assert_allclose(data.single_task_error, alone, rtol=ROUNDING)
    for place, width in enumerate(widths):
        expected = rows_error(benchmark, width)
        np.testing.assert_allclose(data.cv_error[place], expected, rtol=ROUNDING)
    assert data.certified.all()


def test_the_test_fold_does_not_reach_the_training_moments():
    benchmark = linnerud()
    assignment = assign_folds(benchmark, FOLDS, 0)
    held = assignment[0] == 0
    moved = benchmark.covariates[0] + np.where(held, 1e3, 0)[:, None]
    other = dataclasses.replace(benchmark, covariates=(moved,) * 3)
    models = []
    for tasks in (benchmark, other):
        folds = fold_statistics(tasks, assignment)
        models.append(standardise(folds.training(0), folds.constant[0]).statistics)
    np.testing.assert_allclose(models[0].gram, models[1].gram, atol=1e-7)


def test_a_column_constant_outside_of_the_fold_is_not_used():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    assignment = [np.arange(30) % FOLDS] * 2
    x[:, 1] = np.where(assignment[0] == 0, x[:, 1], 5.0)
    benchmark = two_tasks(x, rng.normal(size=(30, 2)))
    folds = fold_statistics(benchmark, assignment)
    model = standardise(folds.training(0), folds.constant[0])
    assert not np.asarray(model.column_scale)[:, 1].any()
    assert not np.asarray(model.statistics.gram)[:, 1].any()
    assert np.asarray(folds.constant)[1:].sum() == 0


def test_labels_constant_outside_of_a_fold_are_refused_by_name():
    y = np.zeros((30, 2))
    y[0] = 1
    y[:, 0] = np.arange(30)
    benchmark = two_tasks(np.random.default_rng(0).normal(size=(30, 2)), y)
    with pytest.raises(ValueError, match=r"task 1 \(b\): labels are constant outside"):
        cross_validate(benchmark, folds=2)


def test_folds_differ_by_one_row_at_most_and_follow_the_seed():
    benchmark = linnerud()
    first, again, other = (assign_folds(benchmark, 3, seed)[0] for seed in (0, 0, 1))
    assert np.ptp(np.bincount(first)) <= 1
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_widths_reach_the_single_task_optimum_on_common_covariates():
    assert default_widths(digits()) == tuple(range(1, 11))
    assert default_widths(diabetes()) == (1, 2)


def two_tasks(x: np.ndarray, y: np.ndarray) -> LinearBenchmark:
    return LinearBenchmark.from_arrays([x, x], list(y.T), ["a", "b"])


@pytest.mark.parametrize("size", [1e9, 1e10])
@pytest.mark.parametrize("field", ["input", "label"])
def test_one_huge_value_leaves_the_folds_without_it_as_they_are(field, size):
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(40, 3)) for _ in range(2)]
    y = [one @ np.ones(3) + rng.normal(size=40) for one in x]
    if field == "input":
        x[1][3, 1] = size
    else:
        y[1][3] = size
    made = LinearBenchmark.from_arrays(x, y)
    assignment = assign_folds(made, 5, 0)
    statistics = fold_statistics(made, assignment)
    fold = int(assignment[1][3])
    kept = assignment[1] != fold
    model = standardise(statistics.training(fold), statistics.constant[fold])
    theta = np.linalg.solve(model.statistics.gram[1], model.statistics.moment[1])
    own = x[1][kept] - x[1][kept].mean(axis=0), y[1][kept] - y[1][kept].mean()
    wanted = np.linalg.lstsq(*own, rcond=None)[0]
    slopes = model.label_deviation[1] * model.column_scale[1] * theta
    np.testing.assert_allclose(slopes, wanted, rtol=1e-9)
    found = model.error(jnp.stack([theta, theta]), statistics.test(fold))[1]
    test = y[1][~kept] - y[1][kept].mean()
    test -= (x[1][~kept] - x[1][kept].mean(axis=0)) @ wanted
    known = np.mean(test**2) / np.var(y[1][kept])
    np.testing.assert_allclose(found, known, rtol=1e-9)
