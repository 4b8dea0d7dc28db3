"""Which tasks help each other, in which groups, with which weights and width."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xarray as xr
from tyro.conf import Positional, arg

from simulations.advice.answer import Found, make_dataset
from simulations.advice.covers import best_cover, best_sources, simultaneous
from simulations.advice.estimates import (
    factors_of,
    gains_of_pairs,
    weights_of,
    withheld,
)
from simulations.advice.frames import tasks_of
from simulations.advice.groups import equal_groups
from simulations.advice.leave_one_out import leave_one_out_gains
from simulations.advice.loaded import LoadedTasks
from simulations.advice.noticed import notice
from simulations.advice.repeats import Repeats, find_repeats
from simulations.advice.rows import Rows, centred_rows, constant_columns
from simulations.advice.tasks import load_tasks
from simulations.advice.widths import choose_width
from simulations.intervals import check_fields


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


def run(spec: Advice) -> xr.Dataset:
    """Read the tasks and give advice on them.

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
    return advise(tasks, spec)


def advise(
    data: Any,
    spec: Advice | None = None,
    *,
    task: Any = None,
    label: Any = None,
    **options: Any,
) -> xr.Dataset:
    """Estimate gains, and choose groups, weights and width.

    A task is withheld if, after its intercept, it has fewer than two rows more than
    directions: its noise and its own solution cannot be estimated, and so neither can
    what it gains. Withheld tasks have NaN and group −1, and take no part in the rest.

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
        **options: Fields of `Advice`, such as `drop`, `groups` or `confidence`.

    Returns:
        By source and target: `gain`, `gain_low`, `gain_high` of pooling two tasks'
        rows, in shares of the target's test error alone, the same by leaving rows out,
        `left_out`, with its standard error `left_out_error`; `weight`; `similarity`,
        `similarity_normalised` and `noise_correlation` on common rows. By target:
        `error_alone`, `weighted_gain` and its bounds, `group`, `rows`, `rank`,
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
    repeats = find_repeats(tasks.covariates, tasks.labels, tasks.groups)
    noticed = notice(tasks, repeats)
    rows = _rows(tasks, repeats, spec)
    factors, _ = factors_of(rows)
    constant = np.array([constant_columns(y[:, None])[0] for y in tasks.labels])
    reasons = withheld(rows, factors, constant)
    kept = np.flatnonzero(reasons == "")
    if len(kept) < 2:
        said = "".join(f"; look first: {one}" for one in noticed)
        raise ValueError(
            f"{spec.data}: advice needs two tasks that can be estimated, and "
            f"{len(kept)} of {tasks.count} can: {_told(tasks, reasons)}; give "
            f"more rows or fewer columns{said}"
        )
    found = _find(rows.select(kept.tolist()), spec, kept)
    return make_dataset(spec, tasks, rows, factors, repeats, reasons, found, noticed)


def _rows(tasks: LoadedTasks, repeats: Repeats, spec: Advice) -> Rows:
    rows = centred_rows(
        [x[own] for x, own in zip(tasks.covariates, repeats.kept, strict=True)],
        [y[own] for y, own in zip(tasks.labels, repeats.kept, strict=True)],
        intercept=spec.intercept,
        standardise=spec.standardise,
        standardise_labels=spec.standardise_labels,
    )
    return rows._replace(clusters=repeats.clusters)


def _find(rows: Rows, spec: Advice, kept: np.ndarray) -> Found:
    """All estimates for tasks that can be estimated."""
    rows = _linked(rows)
    factors, links = factors_of(rows)
    gains = gains_of_pairs(
        factors,
        links,
        confidence=spec.confidence,
        dependent=spec.groups is not None,
    )
    # Every fold needs a row, or a cluster, of every task.
    parts = rows.labels if rows.clusters is None else map(np.unique, rows.clusters)
    folds = min(spec.folds, *(len(part) for part in parts))
    if folds < 2:
        raise ValueError(
            f"{spec.data}: a task has rows of one group only, so none can be left out: "
            f"name another column of groups than {spec.groups}, or leave the task out"
        )
    groups = equal_groups(factors, links)
    sure = gains_of_pairs(
        factors,
        links,
        confidence=simultaneous(spec.confidence, len(kept) - 1),
        dependent=spec.groups is not None,
    )
    return Found(
        kept=kept,
        gains=gains,
        left_out=leave_one_out_gains(rows),
        weights=weights_of(rows, spec.confidence) if rows.clusters is None else None,
        width=choose_width(rows, folds=folds, seed=spec.seed),
        groups=groups,
        best=best_sources(sure.gain, sure.low, sure.high),
        cover=best_cover(gains.gain, len(np.unique(groups.group))),
        method="least squares",
        notes=[],
        scores={},
    )


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
