"""What each model finds of the tasks that can be estimated."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from simulations.advice.covers import (
    BestSource,
    Cover,
    best_cover,
    best_sources,
    simultaneous,
)
from simulations.advice.estimates import Gains
from simulations.advice.groups import EqualGroups
from simulations.advice.leave_one_out import RowGains
from simulations.advice.measured import Measured
from simulations.advice.partition import gain_groups
from simulations.advice.widths import WidthChoice
from theory.risk.source_weights import SourceWeights


class Found(NamedTuple):
    """What was found of the tasks that can be estimated, `kept`.

    `method` says how gains are estimated, `notes` what a reader must know of it, and
    `scores` are further ones, by target or by source and target.
    """

    kept: np.ndarray
    gains: Gains
    left_out: RowGains
    weights: SourceWeights | None
    width: WidthChoice | None
    groups: EqualGroups
    best: BestSource
    cover: Cover | None
    method: str
    notes: list[str]
    scores: dict[str, Float[np.ndarray, "..."]]


def measured_answer(
    found: Measured,
    kept: np.ndarray,
    confidence: float,
    method: str,
    notes: list[str],
    scores: dict[str, Float[np.ndarray, "..."]] | None = None,
) -> Found:
    """Return an answer whose gains were all measured on rows left out.

    Args:
        found: The gains.
        kept: Numbers of these tasks among all.
        confidence: Of intervals.
        method: How gains are estimated.
        notes: What a reader must know of it.
        scores: Further ones.
    """
    k = len(kept)
    nothing = np.full((k, k), np.nan)
    low, high = found.interval(confidence)
    groups = gain_groups(found.gain)
    sure = found.interval(simultaneous(confidence, k - 1))
    return Found(
        kept=kept,
        gains=Gains(found.gain, low, high, nothing, found.alone),
        left_out=RowGains(found.gain, found.error, np.zeros(k, int)),
        weights=None,
        width=None,
        groups=EqualGroups(groups, nothing, nothing),
        best=best_sources(found.gain, *sure),
        cover=best_cover(found.gain, len(np.unique(groups))),
        method=method,
        notes=notes,
        scores=scores or {},
    )
