"""Systems as ordinary regressors: scikit-learn's own checks, pipelines, searches."""

import warnings

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from simulations.systems import Independent, MeanRegularised, TaskColumn
from tests.strategies import rows

X, Y = rows(4, 3, 4)
TASK = np.repeat([7.0, -1.0, 2.0], [len(y) for y in Y])
TABLE = np.column_stack([TASK, np.concatenate(X)])
LABELS = np.concatenate(Y)
# Of `check_estimator`: what it does, and why it is refused.
EXPECTED = {
    "check_positive_only_tag_during_fit": (
        "iris, the last column as task and the class as label: all labels of most "
        "tasks are equal, which every system refuses"
    ),
}


def test_rows_go_to_their_task_in_ascending_order():
    found = TaskColumn(MeanRegularised(2.0, 0.5), column=0).fit(TABLE, LABELS)
    order = [1, 2, 0]
    expected = MeanRegularised(2.0, 0.5).fit(
        [X[i] for i in order], [Y[i] for i in order]
    )
    np.testing.assert_array_equal(found.tasks_, [-1, 2, 7])
    np.testing.assert_allclose(found.system_.coef_, expected.coef_, atol=1e-12)
    start = 0
    for task, x in enumerate(X):
        own = found.predict(TABLE)[start : start + len(x)]
        np.testing.assert_allclose(own, x @ expected.coef_[order.index(task)])
        start += len(x)


def test_a_task_that_was_not_fitted_gets_the_mean():
    system = MeanRegularised(2.0, 0.5, fit_intercept=True)
    found = TaskColumn(system, column=0).fit(TABLE, LABELS + TASK)
    for task in (-5.0, 3.0, 99.0):
        other = np.column_stack([np.full(len(X[0]), task), X[0]])
        expected = X[0] @ found.system_.coef_.mean(axis=0)
        expected += found.system_.intercept_.mean()
        np.testing.assert_allclose(found.predict(other), expected)


def test_it_works_in_pipelines_searches_and_cross_validation():
    scaled = make_column_transformer(
        (StandardScaler(), [1, 2, 3, 4]), ("passthrough", [0])
    )
    flow = make_pipeline(scaled, TaskColumn(MeanRegularised()))
    scores = cross_val_score(flow, TABLE, LABELS, cv=3)
    assert np.isfinite(scores).all()
    name = "taskcolumn__system__deviation"
    search = GridSearchCV(flow, {name: [1e-6, 1.0, 1e6]}, cv=3).fit(TABLE, LABELS)
    by_hand = cross_val_score(flow.set_params(**{name: 1.0}), TABLE, LABELS, cv=3)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(by_hand.mean())
    assert len(set(search.cv_results_["mean_test_score"])) == 3


def test_a_column_that_does_not_exist_is_refused():
    with pytest.raises(
        ValueError, match="column must be an integer from -5 to 4, got 5"
    ):
        TaskColumn(column=5).fit(TABLE, LABELS)


@pytest.mark.long
def test_checks_of_scikit_learn_pass():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = check_estimator(
            TaskColumn(Independent()), expected_failed_checks=EXPECTED, on_skip=None
        )
    assert sum(one["status"] == "passed" for one in told) > 40
    assert {one["check_name"] for one in told if one["status"] == "xfail"} == set(
        EXPECTED
    )
