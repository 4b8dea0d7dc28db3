"""Fast rules for groups, to be judged as shares of the exact value."""

import numpy as np
from jaxtyping import Float
from sklearn.cluster import SpectralClustering

from theory.arguments import check_integer
from theory.grouping.result import Groups, evaluate
from theory.grouping.scores import PairScores, Scores, members_of, tabulated


def merged_groups(
    scores: Scores, number: int, *, weights: Float[np.ndarray, " k"] | None = None
) -> Groups:
    """Merge groups, from one task each, as the total score says; they do not overlap.

    While there are more than `number` groups, or a merger helps, the merger of highest
    total score is done. Groups that may not be chosen count first: fewer of them is
    better than any score. The value is −inf if some are left.

    Args:
        scores: Pairs or a table.
        number: Groups at most.
        weights: `w_j`, ones if not given.
    """
    most = check_integer("number", number)
    importance = np.ones(scores.count) if weights is None else weights
    masks = [1 << task for task in range(scores.count)]
    while len(masks) > 1:
        now = _standing(scores, importance, masks)
        mergers = [
            [*(m for m in masks if m not in (a, b)), a | b]
            for index, a in enumerate(masks)
            for b in masks[:index]
        ]
        best = max(mergers, key=lambda m: _standing(scores, importance, m))
        if len(masks) <= most and _standing(scores, importance, best) <= now:
            break
        masks = best
    return evaluate(scores, masks, importance)


def _standing(
    scores: Scores, weights: Float[np.ndarray, " k"], masks: list[int]
) -> tuple[int, float]:
    """Tasks that cannot be served, negative, and the total score of the others."""
    members = members_of(np.array(masks), scores.count)
    table = scores.of(members)
    served = members & np.isfinite(table)
    total = np.where(served, weights * np.where(served, table, 0), 0).sum()
    return int(served.sum() - scores.count), float(total)


def spectral_groups(
    scores: PairScores, number: int, *, weights: Float[np.ndarray, " k"] | None = None
) -> Groups:
    """Cluster tasks by the spectrum of `(R + Rᵀ)/2`, shifted to be `≥ 0`.

    Labels come from a pivoted QR decomposition (scikit-learn's `cluster_qr`), which
    draws nothing. A cluster of one task makes the value −inf where that is banned.

    Args:
        scores: Affinities of pairs.
        number: Clusters, at most `k`.
        weights: `w_j`, ones if not given.
    """
    k = scores.count
    most = check_integer("number", number, 1, k)
    both = (scores.affinity + scores.affinity.T) / 2
    apart = ~np.eye(k, dtype=bool)
    least = both[apart].min(initial=np.inf)
    near = np.where(apart, both - least, 0) if k > 1 else both
    if most == 1 or not near.any():
        labels = np.arange(k) % most
    else:
        rule = SpectralClustering(
            most, affinity="precomputed", assign_labels="cluster_qr"
        )
        labels = rule.fit_predict(near / near.max() + 1e-9)
    masks = [int(((labels == g) << np.arange(k)).sum()) for g in np.unique(labels)]
    return evaluate(scores, masks, weights)


def forward_groups(
    scores: Scores, number: int, *, weights: Float[np.ndarray, " k"] | None = None
) -> Groups:
    """Add the set that helps most to those chosen, up to `number`, from all sets.

    A set that serves more tasks that no set serves comes first. The value is −inf where
    `number` sets chosen in this way do not cover all tasks.

    Args:
        scores: Pairs, which are tabulated, or a table.
        number: Groups at most.
        weights: `w_j`, ones if not given.
    """
    most = check_integer("number", number)
    table = tabulated(scores)
    importance = np.ones(scores.count) if weights is None else weights
    worth = np.where(table.members, table.scores, -np.inf)
    served, chosen = np.full(scores.count, -np.inf), []
    for _ in range(most):
        after = np.maximum(served, worth)
        covered = np.isfinite(after)
        total = np.where(covered, after, 0) @ importance
        best = np.lexsort((total, covered.sum(axis=1)))[-1]
        if (after[best] == served).all():
            break
        served = after[best]
        chosen.append(int(table.masks[best]))
    return evaluate(scores, chosen, importance)
