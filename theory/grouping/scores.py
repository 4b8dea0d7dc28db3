"""What is known of how well a group of tasks serves each of its tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_shape, refuse


@dataclass(frozen=True, eq=False, init=False)
class PairScores:
    """Scores from affinities of pairs, `s(j, G) = mean_{i ∈ G∖j} R[i, j]`.

    `R[i, j]` is what source `i` does for target `j`; more is better. A group of one
    task has the score `single[j]`, and is banned where none is given.

    Attributes:
        affinity: `R` (k x k), [source, target]; the diagonal is not used, and is 0
            here.
        single: Scores of tasks on their own, or None.

    Raises:
        ValueError: Not k x k with k ≥ 1, other than k singles, or a value that is not
            finite off the diagonal.

    Source: arXiv 2109.04617 (TAG bans groups of one), arXiv 1905.07553 (HOA allows
    them,
        with losses of pairs in place of affinities).
    """

    affinity: Float[np.ndarray, "k k"]
    single: Float[np.ndarray, " k"] | None

    def __init__(self, affinity: ArrayLike, single: ArrayLike | None = None) -> None:
        found = np.array(affinity, float)
        check_shape("affinity", found, "k k")
        np.fill_diagonal(found, 0)
        found = np.asarray(check_array("affinity", found, "k k"), float)
        object.__setattr__(self, "affinity", found)
        if single is not None:
            single = np.asarray(check_array("single", single, "k", k=len(found)), float)
        object.__setattr__(self, "single", single)

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return len(self.affinity)

    def of(self, members: Bool[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Scores of sets of tasks; NaN outside of a set, −inf where it is banned."""
        size = members.sum(axis=1, keepdims=True)
        single = np.full(self.count, -np.inf) if self.single is None else self.single
        mean = members.astype(float) @ self.affinity / np.maximum(size - 1, 1)
        return np.where(members, np.where(size > 1, mean, single), np.nan)


@dataclass(frozen=True, eq=False, init=False)
class TableScores:
    """Scores of listed sets of tasks; others are not available.

    Attributes:
        members: Which tasks are in each set (n x k).
        scores: `s(j, G)` (n x k), more is better; NaN outside of the set.

    Raises:
        ValueError: Shapes do not fit; a set is empty or listed twice; a score is
            missing or not finite inside its set, or is there for a task outside of it.
    """

    members: Bool[np.ndarray, "n k"]
    scores: Float[np.ndarray, "n k"]

    def __init__(self, members: ArrayLike, scores: ArrayLike) -> None:
        sets = np.asarray(members)
        if sets.dtype != bool:
            raise ValueError(f"members must be true or false, got type {sets.dtype}")
        check_shape("members", sets, "n k")
        found = np.asarray(scores, float)
        check_shape("scores", found, "n k", n=sets.shape[0], k=sets.shape[1])
        refuse("members", sets.sum(1), ~sets.any(axis=1), "sets of a task or more")
        refuse("scores", found, sets & ~np.isfinite(found), "finite inside a set")
        refuse("scores", found, ~sets & ~np.isnan(found), "NaN outside a set")
        _, first, times = np.unique(sets, axis=0, return_index=True, return_counts=True)
        for row in first[times > 1]:
            raise ValueError(
                f"members[{row}] must be listed once, got {times.max()} rows for the "
                f"tasks {np.flatnonzero(sets[row]).tolist()}"
            )
        object.__setattr__(self, "members", sets)
        object.__setattr__(self, "scores", found)

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return self.members.shape[1]

    def of(self, members: Bool[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Scores of sets of tasks; NaN outside of a set, −inf for sets not listed."""
        found = np.where(members, -np.inf, np.nan)
        rows = {tuple(own): row for row, own in enumerate(self.members)}
        for index, own in enumerate(members):
            if tuple(own) in rows:
                found[index] = self.scores[rows[tuple(own)]]
        return found

    @property
    def masks(self) -> Int[np.ndarray, " n"]:
        """Each set as a number whose bit `i` stands for task `i`."""
        return self.members @ (1 << np.arange(self.count))


Scores = PairScores | TableScores


def tabulated(scores: Scores) -> TableScores:
    """All sets of tasks that may be chosen, as a table."""
    if isinstance(scores, TableScores):
        return scores
    members = members_of(np.arange(1, 1 << scores.count), scores.count)
    if scores.single is None:
        members = members[members.sum(axis=1) > 1]
    return TableScores(members, scores.of(members))


def members_of(masks: Int[np.ndarray, " n"], count: int) -> Bool[np.ndarray, "n k"]:
    """Which tasks each mask stands for."""
    return (masks[:, None] >> np.arange(count) & 1).astype(bool)


def as_members(groups: Sequence[Sequence[int]], count: int) -> Bool[np.ndarray, "n k"]:
    """Which tasks each group has."""
    members = np.zeros((len(groups), count), bool)
    for row, group in enumerate(groups):
        members[row, list(group)] = True
    return members
