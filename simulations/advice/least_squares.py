"""Advice by least squares: gains, weights, width and groups from the rows."""

from typing import Any

import numpy as np

from simulations.advice.covers import best_cover, best_sources, simultaneous
from simulations.advice.estimates import factors_of, gains_of_pairs, weights_of
from simulations.advice.found import Found
from simulations.advice.groups import equal_groups
from simulations.advice.leave_one_out import leave_one_out_gains
from simulations.advice.measured import Progress
from simulations.advice.rows import Rows
from simulations.advice.widths import choose_width


def least_squares_answer(
    rows: Rows, spec: Any, kept: np.ndarray, progress: Progress | None
) -> Found:
    """Return all estimates for tasks that can be estimated.

    Args:
        rows: Of these tasks.
        spec: `Advice`.
        kept: Their numbers among all tasks.
        progress: Told what is done.

    Raises:
        ValueError: A task has rows of one group only.
    """
    factors, links = factors_of(rows)
    each = simultaneous(spec.confidence, len(kept) - 1)
    gains, sure = gains_of_pairs(
        factors,
        links,
        confidence=(spec.confidence, each),
        dependent=spec.groups is not None,
    )
    groups = equal_groups(factors, links)
    return Found(
        kept=kept,
        gains=gains,
        left_out=leave_one_out_gains(rows),
        weights=weights_of(rows, spec.confidence) if rows.clusters is None else None,
        width=choose_width(rows, folds=fold_count(rows, spec), seed=spec.seed),
        groups=groups,
        best=best_sources(sure.gain, sure.low, sure.high),
        cover=best_cover(gains.gain, len(np.unique(groups.group))),
        method="least squares",
        notes=[],
        scores={},
    )


def fold_count(rows: Rows, spec: Any, wanted: int | None = None) -> int:
    """Return the number of folds: every fold needs a row, or a cluster, of every task.

    Raises:
        ValueError: A task has rows of one group only.
    """
    parts = rows.labels if rows.clusters is None else map(np.unique, rows.clusters)
    folds = min(wanted or spec.folds, *(len(part) for part in parts))
    if folds < 2:
        raise ValueError(
            f"{spec.data}: a task has rows of one group only, so none can be left out: "
            f"name another column of groups than {spec.groups}, or leave the task out"
        )
    return folds
