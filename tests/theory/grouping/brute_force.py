"""Random scores, and every choice of sets tried: slow and simple."""

from itertools import combinations

import numpy as np

from theory.grouping import PairScores, TableScores


def all_sets(k: int) -> np.ndarray:
    """Every set of a task or more."""
    return (np.arange(1, 2**k)[:, None] >> np.arange(k) & 1).astype(bool)


def pairs(rng: np.random.Generator, k: int, *, single: bool, step: float = 0):
    """Affinities of pairs; rounded to multiples of `step`, which makes ties."""
    affinity, alone = rng.normal(size=(k, k)), rng.normal(size=k)
    if step:
        affinity, alone = (np.round(x / step) * step for x in (affinity, alone))
    return PairScores(affinity, alone if single else None)


def table(rng: np.random.Generator, k: int, sets: int) -> TableScores:
    """Some of all sets, and among them one that has all tasks."""
    chosen = rng.permutation(2**k - 2)[: sets - 1]
    members = all_sets(k)[np.r_[chosen, 2**k - 2]]
    return TableScores(
        members, np.where(members, rng.normal(size=members.shape), np.nan)
    )


def listed(scores) -> tuple[np.ndarray, np.ndarray]:
    """All sets that may be chosen and their scores, −inf outside, pair by pair."""
    if isinstance(scores, TableScores):
        return scores.members, np.where(scores.members, scores.scores, -np.inf)
    k = scores.count
    members = all_sets(k)
    worth = np.full(members.shape, -np.inf)
    for row, own in enumerate(members):
        for j in np.flatnonzero(own):
            partners = [scores.affinity[i, j] for i in np.flatnonzero(own) if i != j]
            if partners:
                worth[row, j] = np.mean(partners)
            elif scores.single is not None:
                worth[row, j] = scores.single[j]
    kept = np.isfinite(worth).any(axis=1)
    return members[kept], worth[kept]


def best_value(scores, number=None, costs=None, budget=None, weights=None):
    """The value of the best choice, and how many choices without waste have it."""
    members, worth = listed(scores)
    k = members.shape[1]
    if costs is not None and isinstance(scores, PairScores):
        costs = costs[members.sum(axis=1) - 1]
    found = []
    for size in range(1, min(number or k, k, len(members)) + 1):
        rows = np.array(list(combinations(range(len(members)), size)))
        if budget is not None and costs is not None:
            rows = rows[costs[rows].sum(axis=1) <= budget * (1 + 1e-9)]
        served = worth[rows].max(axis=1)
        total = served @ (np.ones(k) if weights is None else weights)
        found += [(v, frozenset(r)) for v, r in zip(total, rows.tolist(), strict=True)]
    top = max(value for value, _ in found)
    best = [rows for value, rows in found if value >= top - 1e-10]
    return top, sum(not any(other < rows for other in best) for rows in best)
