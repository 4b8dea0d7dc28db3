"""What every multi-task system is: a scikit-learn estimator of several tasks."""

import abc
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from simulations.systems.fitted import About, Fitted
from simulations.systems.rows import centred
from theory.arguments import check_choice, check_shape
from theory.linear.loss import task_losses
from theory.linear.rounding import inherent_rounding
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# Share of Σ α_i e_i below which a gap counts as closed.
TOLERANCE = 1e-13


class System(RegressorMixin, BaseEstimator, abc.ABC):
    """A linear model of `k` tasks, each with rows and labels of its own.

    A system minimises `½ Σ_i α_i‖X_iw_i − y_i‖² + penalty`; nothing is divided by the
    number of rows. It is fitted to sequences, one array per task, or to the tasks'
    `TaskStatistics`, in 64-bit floats. `TaskColumn` makes it an ordinary regressor.

    A constructor only stores its arguments; they are checked by `fit`.

    Attributes:
        coef_: `w_i`, one per row (k x d).
        intercept_: One per task; zeros unless `fit_intercept`.
        loss_: `Σ_i α_i‖X_iw_i − y_i‖²`, without the ½, of centred tasks if
            `fit_intercept`.
        objective_: `½ loss_ + penalty`.
        lower_bound_: No parameters have a smaller objective; −∞ where none is known.
        gap_: `objective_ − lower_bound_ ≥ 0`.
        tolerance_: The gap that counts as closed, `max(1e-13 Σ_i α_ie_i, rounding)`.
        certified_: Whether `gap_ ≤ tolerance_`. A solver that stops early does not
            raise.
        n_iter_: Steps of the solver, 0 for a closed form.
        relation_: The learnt relation of the tasks (k x k), or None.
        n_features_in_: `d`.
    """

    about: About
    fit_intercept: bool

    @abc.abstractmethod
    def _solve(self, statistics: TaskStatistics, weights: Float[Array, " k"]) -> Fitted:
        """Minimise the objective; raises ValueError for parameters out of range."""

    def fit(
        self,
        covariates: Sequence[ArrayLike],
        labels: Sequence[ArrayLike],
        *,
        weights: ArrayLike | None = None,
    ) -> "System":
        """Fit all tasks.

        Args:
            covariates: `X_i` (m_i x d), one per task.
            labels: `y_i` (m_i), one per task.
            weights: `α_i ≥ 0`, ones by default.

        Returns:
            The fitted system.

        Raises:
            ValueError: Rows that `TaskStatistics.from_data` refuses, or a parameter
                out of range. The message names the task or the parameter, and the
                value.
        """
        if not check_choice("fit_intercept", self.fit_intercept, (False, True)):
            return self._fit(TaskStatistics.from_data(covariates, labels), weights)
        x, y, means, levels = centred(covariates, labels)
        self._fit(TaskStatistics.from_data(x, y), weights)
        self.intercept_ = levels - np.sum(means * self.coef_, axis=1)
        return self

    def fit_statistics(
        self, statistics: TaskStatistics, *, weights: ArrayLike | None = None
    ) -> "System":
        """Fit all tasks from their statistics, without rows.

        Args:
            statistics: `G_i`, `g_i`, `e_i` and `m_i`, in 64-bit floats.
            weights: `α_i ≥ 0`, ones by default.

        Returns:
            The fitted system.

        Raises:
            ValueError: `fit_intercept` is true: statistics have no means. Or as `fit`.
        """
        if self.fit_intercept:
            raise ValueError(
                f"fit_intercept must be False to fit statistics, which have no means, "
                f"got {self.fit_intercept}: centre the rows of each task first"
            )
        return self._fit(statistics, weights)

    def predict(self, covariates: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
        """Return `X_iw_i` and the intercept, one array per task.

        Args:
            covariates: `X_i` (n_i x d), one per task and in their order; a task may
                have no rows.

        Raises:
            ValueError: Another number of tasks or inputs.
        """
        check_is_fitted(self)
        k, d = self.coef_.shape
        if len(covariates) != k:
            raise ValueError(f"covariates has {len(covariates)} tasks, fitted were {k}")
        rows = [np.asarray(x, float) for x in covariates]
        for task, x in enumerate(rows):
            check_shape(f"task {task}: covariates", x, "m d", d=d)
        return [
            x @ w + b for x, w, b in zip(rows, self.coef_, self.intercept_, strict=True)
        ]

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, covariates: Sequence[ArrayLike], labels: Sequence[ArrayLike]
    ) -> float:
        """Return the mean over tasks of R².

        Args:
            covariates: `X_i`, one per task.
            labels: `y_i`, one per task.

        Raises:
            ValueError: As `predict`.
        """
        pairs = zip(labels, self.predict(covariates), strict=True)
        return float(np.mean([r2_score(own, found) for own, found in pairs]))

    def describe(self) -> str:
        """Return the result in sentences, with how certain it is."""
        check_is_fitted(self)
        k, d = self.coef_.shape
        sure = "certified" if self.certified_ else "not certified"
        return "\n".join(
            [
                f"{self!r}: {k} tasks, {d} inputs; {self.about.objective}",
                f"objective {self.objective_:.10g}, loss {self.loss_:.10g}, by route "
                f"'{self.route_}' in {self.n_iter_} steps",
                f"at most {self.gap_:.1e} above the least objective: {sure}; a gap up "
                f"to {self.tolerance_:.1e} counts as closed",
            ]
        )

    def _fit(self, statistics: TaskStatistics, weights: ArrayLike | None) -> "System":
        check_statistics(statistics)
        alpha = check_weights(weights, statistics)
        found = self._solve(statistics, alpha)
        coef = np.array(found.coef)
        rounding = float(inherent_rounding(statistics, alpha, found.coef))
        energy = float(jnp.sum(alpha * statistics.energy))
        self.coef_, self.intercept_ = coef, np.zeros(len(coef))
        self.n_features_in_ = coef.shape[1]
        losses = task_losses(statistics, found.coef)
        self.loss_ = float(jnp.sum(alpha * losses))
        self.objective_ = self.loss_ / 2 + float(found.penalty)
        self.lower_bound_ = min(float(found.lower_bound), self.objective_)
        self.gap_ = self.objective_ - self.lower_bound_
        self.tolerance_ = max(TOLERANCE * energy, rounding, found.tolerance)
        self.certified_ = bool(self.gap_ <= self.tolerance_)
        self.n_iter_, self.route_ = int(found.steps), found.route
        self.relation_ = None if found.relation is None else np.array(found.relation)
        return self

    def __sklearn_tags__(self) -> Any:
        """Say that rows come as sequences of arrays, one per task."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags
