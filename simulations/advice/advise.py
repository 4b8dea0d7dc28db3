"""Which tasks help each other, in which groups, with which weights and width."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits
from tyro.conf import Positional, arg

from simulations.advice.answer import make_dataset
from simulations.advice.classes import (
    as_classes,
    classes_answer,
    withheld_classes,
)
from simulations.advice.estimates import factors_of, withheld
from simulations.advice.found import Found
from simulations.advice.frames import tasks_of
from simulations.advice.least_squares import least_squares_answer
from simulations.advice.loaded import LoadedTasks
from simulations.advice.measured import Progress
from simulations.advice.noticed import notice
from simulations.advice.repeats import Repeats, find_repeats
from simulations.advice.ridge import compressed, ridge_answer, withheld_rows
from simulations.advice.rows import Rows, centred_rows, constant_columns
from simulations.advice.tasks import load_tasks
from simulations.intervals import check_fields
from theory.risk.estimates import LEAST_FREEDOM


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Say before training which tasks help each other, at which r and weights.

    DATA is a table with a task column, or a folder with one file a task; CSV, NPZ
    (arrays X and y) or, with pyarrow, Parquet. The last column is the label unless
    another is named. Prints a table, saves the numbers and draws a figure.

    Args:
        data: A file, or a folder of files.
        task_column: Column of a file that names the task of each row.
        label_column: Column of the labels; several make a task each.
        drop: Columns that are no inputs, such as identifiers.
        leave_out: Tasks to leave out.
        model: Least squares; ridge, where tasks have fewer rows than columns; or
            logistic, for classes. Chosen by the data unless it is named.
        groups: Column that says which rows depend on each other, such as a person or
            a day; it is no input.
        intercept: Give every task an intercept of its own.
        standardise: Scale columns, by one factor for all tasks.
        standardise_labels: Scale labels task by task, where their units differ.
        confidence: Of the intervals, in (0, 1).
        energy: Share of the spectrum that the similarity score covers.
        folds: Folds of the cross-validation that chooses r.
        seed: Of the folds; 0 or more.
        json: Print the whole answer as JSON instead.
    """

    data: Annotated[Positional[str], arg(metavar="DATA")]
    task_column: str | None = None
    label_column: tuple[str, ...] | str | None = None
    drop: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    model: Literal["auto", "least-squares", "ridge", "logistic"] = "auto"
    groups: str | None = None
    intercept: bool = True
    standardise: bool = True
    standardise_labels: bool = False
    confidence: float = 0.95
    energy: float = 0.99
    folds: int = 5
    seed: int = 0
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before a file is read."""
        check_fields(
            self,
            confidence="(0, 1)",
            energy="(0, 1]",
            folds="[2, inf)",
            seed="[0, inf)",
        )


def run(spec: Advice, progress: Progress | None = None) -> xr.Dataset:
    """Read the tasks and give advice on them.

    Args:
        spec: What is asked for.
        progress: Told the step, what is done of it, and how much it has.

    Raises:
        FileNotFoundError, ValueError: As `load_tasks` and `advise`.
    """
    tasks = load_tasks(
        Path(spec.data),
        task_column=spec.task_column,
        label_column=spec.label_column,
        drop=spec.drop,
        groups=spec.groups,
    )
    return advise(tasks, spec, progress=progress)


def advise(
    data: Any,
    spec: Advice | None = None,
    *,
    task: Any = None,
    label: Any = None,
    progress: Progress | None = None,
    **options: Any,
) -> xr.Dataset:
    """Estimate gains, and choose groups, weights and width.

    A task is withheld if, after its intercept, it has fewer than two rows more than
    directions: its noise and its own solution cannot be estimated, and so neither can
    what it gains. Withheld tasks have NaN and group −1, and take no part in the rest.

    Where most tasks have fewer rows than that, ridge regression takes the place of
    least squares: gains are then measured on rows left out
    (`simulations.advice.ridge.ridge_gains`), and weights, tests of equality and a width
    are not given. Labels that are text or have two values are classes: gains are then
    in log loss of logistic models (`simulations.advice.classes.class_gains`), beside
    accuracy and AUC. The attribute `method` says which it was.

    Rows that repeat another of their task exactly count once. Where tasks have rows in
    common their noise may go together: gains are corrected by the covariance of their
    residuals (`theory.risk.pair_gains`), rows are left out of all tasks at once, and
    weights, which have no such correction yet, are withheld.

    Args:
        data: A pandas frame; an array of inputs, `task` and `label` being arrays; a
            list of arrays, one a task, and `label` a list; or what `load_tasks` read.
        spec: What was asked for; from `options` if not given.
        task: Column of the frame that names tasks, or one name a row.
        label: Column of the labels, or several; or the labels.
        progress: Told the step, what is done of it, and how much it has.
        **options: Fields of `Advice`, such as `drop`, `groups` or `confidence`.

    Returns:
        By source and target: `gain`, `gain_low`, `gain_high` of pooling two tasks'
        rows, in shares of the target's test error alone, the same by leaving rows out,
        `left_out`, with its standard error `left_out_error`; `weight`; `similarity`,
        `similarity_normalised` and `noise_correlation` on common rows. By target:
        `error_alone`, `weighted_gain` and its bounds, `best_source` with `best_gain`
        and bounds that allow for its choice, `group`, `rows`, `rank`,
        `copies`, `common_rows`, `unpredicted_rows`, `withheld`. By width and target:
        `shared_gain` of a shared module with free heads, with its bounds. By fold:
        `width_error` (width) and `error_apart`. The suggested width is an attribute, 0
        for no width; `label`, `inputs`, `notes` on what was done and `noticed` on what
        looks wrong are too.

    Raises:
        ValueError: Fewer than two tasks can be estimated, or the data cannot be read.

    Example:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["price", "rain"])
        >>> frame["sales"] = frame.price - frame.rain + rng.normal(size=60)
        >>> frame["shop"] = ["pier", "mall"] * 30
        >>> found = advise(frame, task="shop", label="sales")
        >>> found.attrs["inputs"]
        ['price', 'rain']
        >>> bool(found["gain"].sel(source="pier", target="mall") > 0)
        True
    """
    if spec is None:
        spec = Advice(data="data in memory", **options)
    elif options:
        spec = replace(spec, **options)
    tasks = tasks_of(data, task, label, spec).without(spec.leave_out)
    tasks = as_classes(tasks, spec.model)
    repeats = find_repeats(tasks.covariates, tasks.labels, tasks.groups)
    noticed = notice(tasks, repeats)
    rows = _rows(tasks, repeats, spec)
    constant = np.array([constant_columns(y[:, None])[0] for y in tasks.labels])
    if tasks.classes:
        labels = [y[k] for y, k in zip(tasks.labels, repeats.kept, strict=True)]
        rows = rows._replace(labels=labels)
        answer = partial(classes_answer, names=tasks.classes)
        reasons = withheld_classes(rows, tasks.classes)
    else:
        answer, reasons = _chosen(rows, constant, spec)
    if answer is not least_squares_answer:
        rows = compressed(rows)
    kept = np.flatnonzero(reasons == "")
    if len(kept) < 2:
        said = "".join(f"; look first: {one}" for one in noticed)
        raise ValueError(
            f"{spec.data}: advice needs two tasks that can be estimated, and "
            f"{len(kept)} of {tasks.count} can: {_told(tasks, reasons)}; give "
            f"more rows or fewer columns{said}"
        )
    some = _linked(rows.select(kept.tolist()))
    # Matrices are small: more threads would wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        found = answer(some, spec, kept, progress)
    return make_dataset(spec, tasks, rows, repeats, reasons, found, noticed)


def _chosen(
    rows: Rows, constant: np.ndarray, spec: Advice
) -> tuple[Callable[..., Found], np.ndarray]:
    """The model for all tasks, and why tasks are withheld from it."""
    by_ridge = withheld_rows(rows, constant)
    usable = by_ridge == ""
    # As many directions as all rows show: a task with fewer rows hides some.
    directions = min(rows.covariates[0].shape[1], sum(len(y) for y in rows.labels) - 1)
    least = directions + rows.intercept + LEAST_FREEDOM
    few = np.array([len(y) < least for y in rows.labels])
    if spec.model == "ridge" or (
        spec.model == "auto" and 2 * np.sum(few & usable) > np.sum(usable) > 1
    ):
        return ridge_answer, by_ridge
    return least_squares_answer, withheld(rows, factors_of(rows)[0], constant)


def _rows(tasks: LoadedTasks, repeats: Repeats, spec: Advice) -> Rows:
    rows = centred_rows(
        [x[own] for x, own in zip(tasks.covariates, repeats.kept, strict=True)],
        [y[own] for y, own in zip(tasks.labels, repeats.kept, strict=True)],
        intercept=spec.intercept,
        standardise=spec.standardise,
        standardise_labels=spec.standardise_labels,
    )
    return rows._replace(clusters=repeats.clusters)


def _linked(rows: Rows) -> Rows:
    """Without clusters if none has several rows of these tasks."""
    if rows.clusters is None:
        return rows
    every = np.concatenate(rows.clusters)
    alone = len(np.unique(every)) == len(every)
    return rows._replace(clusters=None) if alone else rows


def _told(tasks: LoadedTasks, reasons: np.ndarray) -> str:
    told = [f"{n}: {r}" for n, r in zip(tasks.names, reasons, strict=True) if r]
    return "; ".join(told[:3]) + ("; ..." if len(told) > 3 else "")
