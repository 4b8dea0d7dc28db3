"""Overlapping groups that serve each task best, and each task's best source."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from theory.grouping import PairScores, best_groups
from theory.grouping.groups import EXACT


class Cover(NamedTuple):
    """Groups of tasks that may overlap, and the group that serves each task.

    `score` is the mean gain, over sources in that group, of pooling with each.
    """

    groups: list[list[int]]
    serving: Int[np.ndarray, " k"]
    score: Float[np.ndarray, " k"]


class BestSource(NamedTuple):
    """The source of the largest gain of each target, with its interval."""

    source: Int[np.ndarray, " k"]
    gain: Float[np.ndarray, " k"]
    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]


def best_cover(gain: Float[np.ndarray, "k k"], number: int) -> Cover | None:
    """Return at most `number` groups that maximise the gain of all tasks together.

    A group is worth to a task the mean gain of pooling it with each other member
    (`theory.grouping.PairScores`), and nothing if the task is alone in it. The search
    is exact; None where there are more than 20 tasks, or a gain is not known.

    Args:
        gain: Source by target.
        number: Groups at most.
    """
    off = ~np.eye(len(gain), dtype=bool)
    if len(gain) > EXACT or not np.isfinite(gain[off]).all():
        return None
    scores = PairScores(gain, np.zeros(len(gain)))
    found = best_groups(scores, number)
    members = np.zeros((len(found.groups), len(gain)), bool)
    for row, tasks in enumerate(found.groups):
        members[row, list(tasks)] = True
    score = scores.of(members)[found.serving, np.arange(len(gain))]
    return Cover([list(g) for g in found.groups], found.serving, score)


def best_sources(
    gain: Float[np.ndarray, "k k"],
    low: Float[np.ndarray, "k k"],
    high: Float[np.ndarray, "k k"],
) -> BestSource:
    """Return the source of the largest gain of each target.

    Args:
        gain: Source by target; the diagonal is not used.
        low: Lower bounds at a confidence that allows for `k − 1` intervals at once
            (Bonferroni), so that the one of the chosen source holds too.
        high: Upper bounds alike.
    """
    others = np.where(np.eye(len(gain), dtype=bool), np.nan, gain)
    known = np.isfinite(others).any(axis=0)
    source = np.nanargmax(np.where(known, others, 0), axis=0)
    at = (source, np.arange(len(gain)))
    values = [np.where(known, one[at], np.nan) for one in (others, low, high)]
    return BestSource(source, *values)


def simultaneous(confidence: float, count: int) -> float:
    """Return the confidence of each of `count` intervals that all hold (Bonferroni)."""
    return 1 - (1 - confidence) / max(count, 1)
