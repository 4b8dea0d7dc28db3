"""Cross-validated error of the shared-module model at every width."""

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

from paper_checks.benchmarks.folds import (
    Folds,
    assign_folds,
    fold_statistics,
    standardise,
)
from paper_checks.data.benchmark import LinearBenchmark
from theory.linear import (
    SharedOptimum,
    shared_optimum,
    single_task_optimum,
    task_losses,
)

# A width of its own X costs a search from many starts, so the grid is a short one.
SHORT_GRID = (1, 2, 3, 5, 8, 13, 20, 27)
# One compilation for all folds.
_apart = jax.jit(single_task_optimum)


def default_widths(benchmark: LinearBenchmark) -> tuple[int, ...]:
    """Every width up to `min(k, d)`, or a short grid where each one is a search.

    From `min(k, d)` on the optimum is that of the tasks trained apart.
    """
    widest = min(benchmark.count, benchmark.dimension)
    if benchmark.common_covariates or widest <= 2:
        return tuple(range(1, widest + 1))
    return tuple(width for width in SHORT_GRID if width < widest)


def cross_validate(
    benchmark: LinearBenchmark,
    *,
    widths: Sequence[int] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> xr.Dataset:
    """Normalised test error of every task, width and fold, from statistics only.

    The tasks are trained on all folds but one, centred and
    scaled with the moments of those folds, and tested on the one left out. The error
    is the mean square in units of the variance of the training labels, so about 1
    for a constant prediction. The model is that of the paper, without a ridge: where
    a task has fewer training rows than inputs the minimum-norm solution is used.

    Args:
        benchmark: The tasks.
        widths: Numbers `r` of columns of `B`; `default_widths` if none are given.
        folds: Number of folds.
        seed: What the random folds are drawn from.

    Returns:
        `cv_error` (width, task, fold) and `single_task_error` (task, fold); of the
        training part `training_loss`, `lower_bound`, `certified` and `route` (width,
        fold), and `single_task_loss` (fold).

    Raises:
        ValueError: Too few rows or folds, a width that is no integer from 1 on, or
            labels that are constant outside of a fold.
    """
    chosen = default_widths(benchmark) if widths is None else tuple(widths)
    if not chosen:
        raise ValueError(f"{benchmark.name}: no widths to cross-validate")
    statistics = fold_statistics(benchmark, assign_folds(benchmark, folds, seed))
    parts = [_one_fold(statistics, fold, chosen) for fold in range(folds)]
    data = xr.concat(parts, "fold", join="exact").transpose("width", "task", "fold")
    return data.assign_coords(
        task=list(benchmark.task_names), fold=np.arange(folds), width=list(chosen)
    ).assign_attrs(
        benchmark.provenance(),
        error_unit="variance of the task's training labels",
        loss_unit="sum over tasks and rows, labels of unit variance",
        folds=folds,
        seed=seed,
        tasks=benchmark.count,
        inputs=benchmark.dimension,
        rows=benchmark.rows,
        common_covariates=int(benchmark.common_covariates),
        tasks_with_fewer_training_rows_than_inputs=_short_tasks(statistics),
    )


def _one_fold(folds: Folds, fold: int, widths: Sequence[int]) -> xr.Dataset:
    """Train on all folds but one at every width, and test on that one."""
    model = standardise(folds.training(fold), folds.constant[fold])
    test = folds.test(fold)
    optima = [shared_optimum(model.statistics, width) for width in widths]
    apart = _apart(model.statistics)
    errors = [np.asarray(model.error(found.parameters, test)) for found in optima]
    return xr.Dataset(
        {
            "cv_error": (("width", "task"), np.stack(errors)),
            "single_task_error": ("task", np.asarray(model.error(apart, test))),
            "single_task_loss": ((), float(task_losses(model.statistics, apart).sum())),
            **by_width(optima, "training_loss"),
        }
    )


def by_width(optima: Sequence[SharedOptimum], loss: str) -> dict[str, tuple]:
    """Loss, bracket and route of each width, as variables of a Dataset."""
    found = {
        loss: [float(optimum.loss) for optimum in optima],
        "lower_bound": [float(optimum.lower_bound) for optimum in optima],
        "certified": [bool(optimum.certified) for optimum in optima],
        "route": [optimum.route for optimum in optima],
    }
    return {name: ("width", np.asarray(values)) for name, values in found.items()}


def _short_tasks(folds: Folds) -> int:
    """Tasks that have fewer training rows than inputs in some fold."""
    samples = np.asarray(folds.parts.samples)
    training = samples.sum(axis=0) - samples.max(axis=0)
    return int(np.sum(training < folds.constant.shape[-1]))
