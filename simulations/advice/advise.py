"""Which tasks help each other, in which groups, with which weights and width."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import xarray as xr
from tyro.conf import Positional, arg

from simulations.advice.groups import gain_groups
from simulations.advice.leave_one_out import (
    RowGains,
    Rows,
    centred_rows,
    leave_one_out_gains,
)
from simulations.advice.tasks import LoadedTasks, load_tasks
from simulations.advice.widths import WidthChoice, choose_width
from simulations.intervals import check_fields
from simulations.store import dataset
from theory.covariance import similarity_matrix
from theory.risk.estimates import LEAST_FREEDOM, TaskEstimates, task_estimates
from theory.risk.gain_estimate import pairwise_gains
from theory.risk.gain_result import GainEstimate
from theory.risk.source_weights import SourceWeights, source_weights
from theory.tasks import TaskStatistics


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Say before training which tasks help each other, at which r and weights.

    DATA is a table with a task column, or a folder with one file a task; CSV, NPZ
    (arrays X and y) or, with pyarrow, Parquet. The last column is the label unless
    another is named. Prints a table, saves the numbers and draws a figure.

    Args:
        data: A file, or a folder of files.
        task_column: Column of a file that names the task of each row.
        label_column: Column of the labels.
        drop: Columns that are no inputs, such as identifiers.
        intercept: Give every task an intercept of its own.
        standardise: Scale columns, by one factor for all tasks.
        standardise_labels: Scale labels task by task, where their units differ.
        confidence: Of the intervals, in (0, 1).
        energy: Share of the spectrum that the similarity score covers.
        folds: Folds of the cross-validation that chooses r.
        seed: Of the folds.
    """

    data: Annotated[Positional[str], arg(metavar="DATA")]
    task_column: str | None = None
    label_column: str | None = None
    drop: tuple[str, ...] = ()
    intercept: bool = True
    standardise: bool = True
    standardise_labels: bool = False
    confidence: float = 0.95
    energy: float = 0.99
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before a file is read."""
        check_fields(self, confidence="(0, 1)", energy="(0, 1]", folds="[2, inf)")


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
    )
    return advise(tasks, spec)


def advise(tasks: LoadedTasks, spec: Advice) -> xr.Dataset:
    """Estimate gains, and choose groups, weights and width.

    A task is withheld if, after its intercept, it has fewer than two rows more than
    directions: its noise and its own solution cannot be estimated, and so neither can
    what it gains. Withheld tasks have NaN and group −1, and take no part in the rest.

    Args:
        tasks: What was read.
        spec: What was asked for.

    Returns:
        By source and target: `gain`, `gain_low`, `gain_high` of pooling two tasks'
        rows, in shares of the target's test error alone, the same by leaving rows out,
        `left_out`, with its standard error `left_out_error`; `weight`; `similarity` and
        `similarity_normalised`. By target: `error_alone`, `weighted_gain` and its
        bounds, `group`, `rows`, `rank`, `withheld`. By fold: `width_error` (width) and
        `error_apart`. The suggested width is an attribute, 0 for no width.

    Raises:
        ValueError: Fewer than two tasks can be estimated.
    """
    rows = centred_rows(
        tasks.covariates,
        tasks.labels,
        intercept=spec.intercept,
        standardise=spec.standardise,
        standardise_labels=spec.standardise_labels,
    )
    statistics, orthogonal = rows.orthogonal()
    estimates = task_estimates(statistics, orthogonal)
    reasons = withheld(tasks, estimates)
    kept = np.flatnonzero(reasons == "")
    if len(kept) < 2:
        raise ValueError(
            f"{spec.data}: advice needs two tasks that can be estimated, and "
            f"{len(kept)} of {tasks.count} can: {_told(tasks, reasons)}; give "
            "more rows or fewer columns"
        )
    chosen = statistics.select(kept.tolist())
    own = jax.tree.map(lambda leaf: leaf[kept], estimates)
    gains = pairwise_gains(chosen, confidence=spec.confidence, tasks=own).relative
    weights = source_weights(chosen, confidence=spec.confidence, tasks=own)
    part = Rows(
        [rows.covariates[i] for i in kept],
        [rows.labels[i] for i in kept],
        rows.intercept,
    )
    # Every fold needs a row of every task.
    folds = min(spec.folds, *(len(y) for y in part.labels))
    width = choose_width(part, folds=folds, seed=spec.seed)
    left_out = leave_one_out_gains(part)
    found = _dataset(spec, tasks, kept, gains, left_out, weights, width)
    return _with_tasks(found, tasks, rows.statistics(), estimates, reasons, spec.energy)


def withheld(tasks: LoadedTasks, estimates: TaskEstimates) -> np.ndarray:
    """Why no advice is given on a task; empty where it is.

    Fewer rows than directions hide some: as many as another task shows are counted.
    Labels that the inputs explain but for rounding leave no error to save.
    """
    reasons = []
    ranks = np.asarray(estimates.rank).astype(int)
    freedoms = np.asarray(estimates.freedom).astype(int)
    noises = np.asarray(estimates.noise_variance)
    each = zip(freedoms, ranks, noises, tasks.labels, strict=True)
    for freedom, rank, noise, y in each:
        if freedom < LEAST_FREEDOM:
            lost = len(y) - rank - freedom
            directions = rank if freedom > 0 else np.max(ranks)
            reasons.append(
                f"{len(y)} rows for {directions} directions"
                + (" and an intercept" if lost else "")
                + f": needs at least {directions + lost + LEAST_FREEDOM}"
            )
        elif noise == 0:
            reasons.append("its labels have no noise above rounding: no error to save")
        else:
            reasons.append("")
    return np.array(reasons)


def _told(tasks: LoadedTasks, reasons: np.ndarray) -> str:
    told = [f"{n}: {r}" for n, r in zip(tasks.names, reasons, strict=True) if r]
    return "; ".join(told[:3]) + ("; ..." if len(told) > 3 else "")


def _dataset(
    spec: Advice,
    tasks: LoadedTasks,
    kept: np.ndarray,
    gains: GainEstimate,
    left_out: RowGains,
    weights: SourceWeights,
    width: WidthChoice,
) -> xr.Dataset:
    k = tasks.count
    share = "share of the target's test error alone"

    def pairs(values: object) -> np.ndarray:
        whole = np.full((k, k), np.nan)
        whole[np.ix_(kept, kept)] = np.asarray(values)
        return whole

    def singles(values: object, missing: float = np.nan) -> np.ndarray:
        whole = np.full(k, missing)
        whole[kept] = np.asarray(values)
        return whole

    both, together = ("source", "target"), weights.gain.relative
    groups = singles(gain_groups(np.asarray(gains.gain)), -1.0).astype(int)
    return dataset(
        spec,
        {
            "gain": (both, pairs(gains.gain), "gain of pooling the rows", share),
            "gain_low": (both, pairs(gains.low), "lower bound of the gain", share),
            "gain_high": (both, pairs(gains.high), "upper bound of the gain", share),
            "left_out": (both, pairs(left_out.gain), "gain on rows left out", share),
            "left_out_error": (both, pairs(left_out.error), "its error", share),
            "weight": (both, pairs(weights.weights), "weight of the source", "1"),
            "weighted_gain": (
                "target",
                singles(together.gain),
                "gain at weights",
                share,
            ),
            "weighted_low": ("target", singles(together.low), "its lower bound", share),
            "weighted_high": (
                "target",
                singles(together.high),
                "its upper bound",
                share,
            ),
            "error_alone": (
                "target",
                singles(weights.gain.alone + weights.gain.noise),
                "estimated test error alone",
                "squared label",
            ),
            "group": ("target", groups, "group, -1 if withheld", "1"),
            "width_error": (
                ("width", "fold"),
                width.error,
                "cross-validated error",
                "variance of the task's labels",
            ),
            "error_apart": (
                "fold",
                width.apart,
                "cross-validated error of the tasks apart",
                "variance of the task's labels",
            ),
        },
        {
            "source": ("source", np.array(tasks.names), "source task", "1"),
            "target": ("target", np.array(tasks.names), "target task", "1"),
            "width": ("width", np.array(width.widths, int), "width r", "1"),
        },
    ).assign_attrs(
        suggested_width=width.suggested or 0,
        confidence=spec.confidence,
        inputs=len(tasks.inputs),
        label=tasks.label,
    )


def _with_tasks(
    found: xr.Dataset,
    tasks: LoadedTasks,
    statistics: TaskStatistics,
    estimates: TaskEstimates,
    reasons: np.ndarray,
    energy: float,
) -> xr.Dataset:
    """Add what is known of all tasks, those withheld too."""
    # A task whose inputs do not vary has no covariance to compare.
    vary = np.flatnonzero(np.asarray(estimates.rank) > 0)
    scores = {}
    for name, normalised in (("similarity", False), ("similarity_normalised", True)):
        whole = np.full((tasks.count, tasks.count), np.nan)
        whole[np.ix_(vary, vary)] = np.asarray(
            similarity_matrix(
                statistics.select(vary.tolist()), energy=energy, normalised=normalised
            )
        )
        said = {"long_name": name.replace("_", ", ") + " (eq 5)", "units": "1"}
        scores[name] = (("source", "target"), whole, said)
    return found.assign(
        scores
        | {
            "rows": ("target", np.array([len(y) for y in tasks.labels])),
            "rank": ("target", np.asarray(estimates.rank).astype(int)),
            "withheld": ("target", reasons.astype(str)),
        }
    )
