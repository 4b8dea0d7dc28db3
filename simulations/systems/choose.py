"""The strength of a system by cross-validation on statistics."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from simulations.systems.folds import Fold, folded, union
from simulations.systems.penalised import PenalisedSystem
from simulations.systems.system import System
from theory.arguments import check_choice
from theory.tasks import TaskStatistics

RULES = ("minimum", "one standard error")
# Strengths of a grid that is not given, and the least of them beside the largest. Where
# no strength gives zeros the grid is around the mean of the diagonals of the G_i.
COUNT, LEAST, AROUND = 20, 1e-3, 1e3


class Choice(NamedTuple):
    """What cross-validation found.

    Attributes:
        parameter: Name of the parameter.
        strengths: Its values, in the order given: strongest first.
        errors: Mean squared error on each held-out fold (n x folds).
        minimum: The value with the least mean error.
        one_standard_error: The first value whose mean error is at most one standard
            error (over folds, at the minimum) above the least.
        system: Fitted to all rows with the value that the rule chose.
    """

    parameter: str
    strengths: tuple[Any, ...]
    errors: NDArray[np.float64]
    minimum: Any
    one_standard_error: Any
    system: System


def choose(
    system: System,
    parameter: str,
    covariates: Sequence[ArrayLike],
    labels: Sequence[ArrayLike],
    strengths: Sequence[Any] | None = None,
    folds: int = 5,
    *,
    weights: ArrayLike | None = None,
    rule: str = "minimum",
    seed: int = 0,
) -> Choice:
    """Choose a parameter of a system by K-fold cross-validation.

    Rows are folded into statistics once; a fit sums those of the other folds, so that
    its cost does not depend on `m_i`. The standard error takes folds as independent,
    which their fits are not.

    Args:
        system: The system; its other parameters stay.
        parameter: Name of the parameter, such as `strength`.
        covariates: `X_i`, one per task.
        labels: `y_i`, one per task.
        strengths: Values, strongest first; any list, such as widths. By default 20
            numbers, from `largest_strength` down to 1/1000 of it; where that is
            infinite, from 1000 to 1/1000 of the mean of `G_i,jj`.
        folds: How many.
        weights: `α_i` of the fits, ones by default; errors count rows alike.
        rule: `minimum` or `one standard error`, for `system` of the result.
        seed: Of the random assignment of rows to folds.

    Raises:
        ValueError: No such parameter, no values, a norm of several strengths without
            `strengths`, or what the system or `folded` refuses.
    """
    check_choice("rule", rule, RULES)
    check_choice("parameter", parameter, tuple(system.get_params(deep=False)))
    parts = folded(covariates, labels, folds, centre=system.fit_intercept, seed=seed)
    given: Any = strengths
    if given is None:
        given = _grid(system, parameter, union(parts).statistics, weights)
    values = tuple(given)
    if not values:
        raise ValueError(f"strengths must have at least one value, got {strengths!r}")
    errors = _errors(system, parameter, parts, values, weights)
    least, sparing = _rules(errors)
    chosen = values[least if rule == "minimum" else sparing]
    found: Any = clone(system)
    found.set_params(**{parameter: chosen})
    found.fit(covariates, labels, weights=weights)
    return Choice(parameter, values, errors, values[least], values[sparing], found)


def _errors(
    system: System,
    parameter: str,
    parts: Sequence[Fold],
    values: Sequence[Any],
    weights: ArrayLike | None,
) -> NDArray[np.float64]:
    errors = np.empty((len(values), len(parts)))
    for place, held in enumerate(parts):
        others = union([part for index, part in enumerate(parts) if index != place])
        for row, value in enumerate(values):
            fit: Any = clone(system)
            fit.set_params(**{parameter: value, "fit_intercept": False})
            coef = fit.fit_statistics(others.statistics, weights=weights).coef_
            level = others.levels - np.sum(others.means * coef, axis=1)
            errors[row, place] = held.error(coef, level)
    return errors


def _rules(errors: NDArray[np.float64]) -> tuple[int, int]:
    """The least mean error, and the first within one standard error of it."""
    mean = errors.mean(axis=1)
    least = int(np.argmin(mean))
    allowed = mean[least] + errors[least].std(ddof=1) / np.sqrt(errors.shape[1])
    return least, int(np.argmax(mean <= allowed))


def _grid(
    system: System,
    parameter: str,
    statistics: TaskStatistics,
    weights: ArrayLike | None,
) -> NDArray[np.float64]:
    """A geometric grid, the largest first."""
    known = isinstance(system, PenalisedSystem)
    top = system.largest_strength(statistics, weights) if known else 0.0
    if known and np.isinf(top):
        unit = float(np.mean(np.diagonal(statistics.gram, axis1=1, axis2=2)))
        return np.geomspace(AROUND * unit, unit / AROUND, COUNT)
    if parameter != "strength" or top == 0:
        raise ValueError(
            f"strengths must be given for {parameter} of {type(system).__name__}, "
            "got None"
        )
    return np.geomspace(top, LEAST * top, COUNT)
