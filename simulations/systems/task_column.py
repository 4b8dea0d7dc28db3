"""Any multi-task system as an ordinary regressor of rows with a task column."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from simulations.systems.mean_regularised import MeanRegularised
from theory.arguments import check_integer

# Its documentation is for callers that leave arguments out.
_validated: Any = validate_data


class TaskColumn(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """A regressor of `(X, y)` in which one column of `X` says whose row it is.

    It works wherever scikit-learn takes a regressor: in pipelines, grid searches and
    cross-validation. Scale the inputs before, but not the task column. Rows of a task
    that was not fitted are predicted by the mean of all tasks' parameters and
    intercepts.

    Args:
        system: Any system; `MeanRegularised()` by default. Its tasks are the values of
            the column in ascending order, that of an `assignment` or a `grid`.
        column: Index of the task column; −1 is the last.

    Attributes:
        system_: The fitted system.
        tasks_: Values of the task column, in the order of the rows of `system_.coef_`.
        n_features_in_: Number of columns, that of tasks included.

    Source: derived here.
    """

    # Scikit-learn wants anything stored, and refused by `fit`.
    def __init__(self, system: Any = None, column: Any = -1) -> None:
        self.system = system
        self.column = column

    def fit(self, X: Any, y: Any) -> "TaskColumn":
        """Fit the system to the rows of every task.

        Args:
            X: Inputs and the task column (n x (d + 1)), numbers.
            y: Labels (n).

        Returns:
            The fitted regressor.

        Raises:
            ValueError: Values that are not finite, a column that does not exist, or
                what the system refuses, with tasks numbered in ascending order.
        """
        rows, labels = _validated(
            self, X, y, y_numeric=True, dtype=np.float64, ensure_min_features=2
        )
        inputs, tasks = self._split(rows)
        self.tasks_ = np.unique(tasks)
        own = [tasks == task for task in self.tasks_]
        base: Any = MeanRegularised() if self.system is None else clone(self.system)
        self.system_ = base.fit([inputs[m] for m in own], [labels[m] for m in own])
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the prediction of every row, by its task's parameters.

        Args:
            X: As for `fit`; tasks that were not fitted get the mean parameters.

        Raises:
            ValueError: Values that are not finite, or another number of columns.
        """
        check_is_fitted(self)
        rows = _validated(self, X, dtype=np.float64, reset=False)
        inputs, tasks = self._split(rows)
        coef, level = self.system_.coef_, self.system_.intercept_
        # The last row is for tasks that were not fitted.
        coef = np.vstack([coef, coef.mean(axis=0)])
        level = np.append(level, level.mean())
        place = np.minimum(np.searchsorted(self.tasks_, tasks), len(self.tasks_) - 1)
        place = np.where(self.tasks_[place] == tasks, place, len(self.tasks_))
        return np.sum(inputs * coef[place], axis=1) + level[place]

    def _split(self, rows: NDArray[np.float64]) -> tuple[Any, Any]:
        width = rows.shape[1]
        column = check_integer("column", self.column, -width, width - 1) % width
        return np.delete(rows, column, axis=1), rows[:, column]
