"""Groups of tasks, and what they are worth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from theory.grouping.scores import PairScores, Scores, members_of


class Groups(NamedTuple):
    """Groups of tasks that are trained together.

    `groups` are tuples of tasks, `serving[j]` is the index of the group whose network
    is used for task `j`, and `value` is `Σ_j w_j s(j, G_j)`. `optimal`: whether no
    other choice within the limits is worth more. `tied`: whether another choice is
    worth the same, to rounding; None where that was not searched for.
    """

    groups: tuple[tuple[int, ...], ...]
    serving: Int[np.ndarray, " k"]
    value: float
    optimal: bool
    tied: bool | None = None


def evaluate(
    scores: Scores,
    groups: Sequence[int],
    weights: Float[np.ndarray, " k"] | None = None,
) -> Groups:
    """What these groups, as masks, are worth; those that serve no task are dropped.

    A task that no group serves makes the value −inf.
    """
    k = scores.count
    importance = np.ones(k) if weights is None else weights
    masks = np.unique(np.asarray(groups, int))
    members = members_of(masks, k)
    table = np.where(members, scores.of(members), -np.inf)
    serving = table.argmax(axis=0)
    served = table[serving, np.arange(k)]
    value = float(importance @ served) if np.isfinite(served).all() else -np.inf
    used, renamed = np.unique(serving, return_inverse=True)
    chosen = tuple(tuple(np.flatnonzero(members[row]).tolist()) for row in used)
    return Groups(chosen, renamed, value, optimal=False)


def rounding(scores: Scores, weights: Float[np.ndarray, " k"]) -> float:
    """What rounding may change of a value: `8k²ε` of its largest terms' sum."""
    terms = scores.affinity if isinstance(scores, PairScores) else scores.scores
    k = scores.count
    return (
        8 * k**2 * np.finfo(float).eps * float(weights.sum() * np.nanmax(np.abs(terms)))
    )
