"""Groups of many tasks from affinities of pairs, by branch and bound."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from theory.grouping.scores import PairScores, members_of
from theory.grouping.service import pair_service_of

# Nodes to open before the best choice so far is returned without a proof.
NODES = 20_000


def branch_and_bound(
    scores: PairScores,
    weights: Float[np.ndarray, " k"],
    number: int,
    start: list[int],
    nodes: int = NODES,
) -> tuple[list[int], bool]:
    """Share out tasks among `number` groups: masks of who is served with whom.

    Tasks are placed one by one. With parts `A_s` of the tasks placed, no choice that
    contains them is worth more than

        Σ_s v(A_s) + Σ_{j not placed} max_s w_j max_{G ⊇ A_s ∪ {j}} s(j, G),

    since a group that serves more tasks serves each at most as well as the best group
    for it alone; a part still empty stands for any group. `s(j, G)` is largest, for
    each size of `G`, with the sources of largest `R_ij`.

    Args:
        scores: Affinities.
        weights: `w_j`.
        number: Groups at most.
        start: Parts of a choice that is known, to begin with.
        nodes: Nodes to open.

    Returns:
        The best parts found, and whether they were shown to be optimal.
    """
    k = scores.count

    @lru_cache(maxsize=1 << 16)
    def worth(part: int) -> float:
        return pair_service_of(scores, weights, part)[0]

    @lru_cache(maxsize=1 << 16)
    def reach(part: int) -> Float[np.ndarray, " k"]:
        return _reach(scores, weights, part)

    order = np.argsort(-weights * np.abs(scores.affinity).sum(axis=0), kind="stable")
    best, value = start, sum(map(worth, start))
    slack = 1e-12 * max(float(np.abs(reach(0)).sum()), abs(value))
    stack: list[tuple[float, int, tuple[int, ...]]] = [(np.inf, 0, ())]
    for _ in range(nodes):
        if not stack:
            return best, True
        bound, placed, parts = stack.pop()
        if bound <= value + slack:
            continue
        if placed == k:
            best, value = list(parts), bound
            continue
        bit = 1 << int(order[placed])
        children = [
            (*parts[:i], part | bit, *parts[i + 1 :]) for i, part in enumerate(parts)
        ]
        if len(parts) < number:
            children.append((*parts, bit))
        later = order[placed + 1 :]
        found = []
        for child in children:
            ways = [reach(part)[later] for part in child]
            ways += [reach(0)[later]] if len(child) < number else []
            most = sum(map(worth, child)) + np.max(ways, axis=0).sum()
            found.append((float(most), placed + 1, child))
        stack += sorted(found)
    return best, not stack


def _reach(
    scores: PairScores, weights: Float[np.ndarray, " k"], part: int
) -> Float[np.ndarray, " k"]:
    """`w_j max_{G ⊇ A ∪ {j}} s(j, G)` of every task `j`."""
    k, inside = scores.count, members_of(np.array([part]), scores.count)[0]
    others = np.where(inside[:, None] | np.eye(k, dtype=bool), np.inf, -scores.affinity)
    ranked = -np.sort(others, axis=0)
    given = inside @ scores.affinity
    sums = given + np.concatenate([np.zeros((1, k)), np.cumsum(ranked, axis=0)])
    # Row e: A and e others; a task of A is no source of its own.
    sources = inside.sum() - inside + np.arange(k + 1)[:, None]
    mean = np.where(sources > 0, sums / np.maximum(sources, 1), -np.inf)
    best = mean.max(axis=0)
    if scores.single is not None and not part:
        best = np.maximum(best, scores.single)
    return weights * best
