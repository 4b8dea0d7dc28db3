"""The best group that holds a set of tasks: `v(A) = max_{G ⊇ A} Σ_{j∈A} w_j s(j, G)`.

A group may carry tasks that it does not serve. Groups have levels, such as their costs,
and `v` is found for each level by itself.
"""

from collections.abc import Collection, Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.grouping.scores import PairScores, TableScores, members_of
from theory.grouping.splits import LOW, splits, subsets

# Sets of tasks in one block, for memory.
BLOCK = 1 << 14


def pair_service(
    scores: PairScores,
    weights: Float[np.ndarray, " k"],
    levels: Int[np.ndarray, " k"],
    masks: Int[np.ndarray, " n"],
    banned: int = 0,
) -> Float[np.ndarray, "l n"]:
    """Return `v(A)` of sets of tasks, for groups of each level.

    With `R(i → A) = Σ_{j∈A} w_jR_ij`, a group `G ⊇ A` of size `g ≥ 2` is worth

        (Σ_{i∈A} R(i → A) + Σ_{i∈G∖A} R(i → A)) / (g − 1)

    to `A`, so the best of size `g` adds the `g − |A|` tasks of largest `R(i → A)`: a
    sort for each `A` in place of a search through all its supersets.

    Args:
        scores: Affinities `R`.
        weights: `w_j`.
        levels: Level of groups of size 1, 2, ..., k, from 0.
        masks: The sets `A`.
        banned: Mask of one group that may not be used, 0 for none; the sets are then
            subsets of it.

    Returns:
        By level and set; −inf where no group holds `A`, and for the empty set.

    Source: derived here.
    """
    found = np.full((levels.max() + 1, len(masks)), -np.inf)
    for start in range(0, len(masks), BLOCK):
        block = slice(start, start + BLOCK)
        sizes, worth = _by_size(scores, weights, masks[block], banned)
        own = np.r_[-1, levels, np.full(scores.count, -1)][sizes]
        for level, row in enumerate(found):
            row[block] = np.where(own == level, worth, -np.inf).max(axis=1)
    return found


def pair_service_of(
    scores: PairScores,
    weights: Float[np.ndarray, " k"],
    tasks: int,
    wanted: Collection[int] | None = None,
) -> tuple[float, int]:
    """Return `v(A)` of one `A` among groups of these sizes, and the best size."""
    sizes, worth = _by_size(scores, weights, np.array([tasks]), 0)
    usable = np.isin(sizes[0], list(wanted)) if wanted else True
    best = int(np.argmax(np.where(usable, worth[0], -np.inf)))
    return float(worth[0, best]), int(sizes[0, best])


def pair_group(
    scores: PairScores,
    weights: Float[np.ndarray, " k"],
    tasks: int,
    wanted: Collection[int] | None = None,
) -> int:
    """The best group, of one of these sizes, that holds the tasks; all as masks."""
    size = pair_service_of(scores, weights, tasks, wanted)[1]
    members, given = _given(scores, weights, np.array([tasks]))
    order = np.argsort(np.where(members, np.inf, -given)[0], kind="stable")
    added = order[: size - tasks.bit_count()]
    return tasks | sum(1 << int(task) for task in added)


def _given(
    scores: PairScores, weights: Float[np.ndarray, " k"], masks: Int[np.ndarray, " n"]
) -> tuple[Bool[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Members of each `A`, and `R(i → A)`."""
    members = members_of(masks, scores.count)
    return members, members.astype(float) @ (scores.affinity * weights).T


def _by_size(
    scores: PairScores,
    weights: Float[np.ndarray, " k"],
    masks: Int[np.ndarray, " n"],
    banned: int,
) -> tuple[Int[np.ndarray, "n e"], Float[np.ndarray, "n e"]]:
    """Sizes of groups with 0, 1, ..., k tasks beside `A`, and the worth of the best."""
    members, given = _given(scores, weights, masks)
    own = members.sum(axis=1)
    sizes = own[:, None] + np.arange(scores.count + 1)
    worth = np.empty(sizes.shape)
    worth[:, 0] = np.sum(given, axis=1, where=members)
    # Members come last, as −inf, so that groups of more than k tasks are worth −inf.
    np.negative(np.sort(np.where(members, np.inf, -given)), out=worth[:, 1:])
    np.cumsum(worth, axis=1, out=worth)
    if banned:
        column = banned.bit_count() - own
        row = np.flatnonzero(column >= 0)
        loss = _loss_of_ban(members[row], given[row], masks[row], banned)
        worth[row, column[row]] += loss
    worth /= np.maximum(sizes - 1, 1)
    worth[sizes == 1] = -np.inf  # groups of one, and those around the empty set
    if scores.single is not None:
        alone = np.flatnonzero((own == 1) & (masks != banned))
        worth[alone, 0] = (weights * scores.single)[members[alone].argmax(axis=1)]
    worth[own == 0] = -np.inf
    return sizes, worth


def _loss_of_ban(
    members: Bool[np.ndarray, "n k"],
    given: Float[np.ndarray, "n k"],
    masks: Int[np.ndarray, " n"],
    banned: int,
) -> Float[np.ndarray, " n"]:
    """What the best group of the banned one's size loses: it swaps one task, or all."""
    inside = members_of(np.array([banned]), members.shape[1])
    least = np.min(np.where(inside & ~members, given, np.inf), axis=1)
    other = np.max(np.where(inside | members, -np.inf, given), axis=1)
    best = least >= other
    full = (masks == banned) | (other == -np.inf)
    swap = np.where(full, -np.inf, other - np.where(full, 0, least))
    return np.where(best, swap, 0)


def table_service(
    scores: TableScores, weights: Float[np.ndarray, " k"], levels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "l sets"]:
    """Return `v(A)` for all sets of tasks, from all pairs `A ⊆ G` of listed `G`.

    Args:
        scores: Listed sets.
        weights: `w_j`.
        levels: Level of each listed set, from 0; −1 for those not wanted.
    """
    found = np.full((levels.max() + 1, 1 << scores.count), -np.inf)
    for level, best in enumerate(found):
        rows = levels == level
        dense = np.full((scores.count, 1 << scores.count), -np.inf)
        worth = np.where(scores.members, weights * scores.scores, -np.inf)
        dense[:, scores.masks[rows]] = worth[rows].T
        _serve(dense, best)
        best[0] = -np.inf
    return found


def _serve(
    dense: Float[np.ndarray, "k sets"], best: Float[np.ndarray, " sets"]
) -> None:
    """Put `v(A)` into `best`, from the weighted scores of every `G`."""
    low = min(len(dense), LOW)
    s, size = splits(low), 1 << low
    for high in range(len(best) // size):
        block = dense[:, high * size : (high + 1) * size]
        if np.all(block == -np.inf):
            continue
        base = np.zeros(len(s.part))
        for task in range(low):
            has = np.flatnonzero(s.part >> task & 1)
            base[has] += block[task, s.whole[has]]
        for part, sums in _sums_of_subsets(block[low:], high):
            served = s.over_wholes(base + sums[s.whole])
            row = best[part * size : (part + 1) * size]
            np.maximum(row, served, out=row)


def _sums_of_subsets(
    block: Float[np.ndarray, "h n"], high: int
) -> Iterator[tuple[int, Float[np.ndarray, " n"]]]:
    sums = np.zeros((1, block.shape[1]))
    for task in range(len(block)):
        if high >> task & 1:
            sums = np.concatenate([sums, sums + block[task]])
    yield from zip(subsets(high).tolist(), sums, strict=True)
