"""The exact search: tasks are shared out among groups by dynamic programming."""

import numpy as np
from jaxtyping import Float, Int

from theory.grouping.splits import best_splits, subsets


def best_partition(
    service: Float[np.ndarray, "l n"], units: Int[np.ndarray, " l"], budget: int
) -> tuple[float, list[tuple[int, int]]]:
    """Share out all tasks among groups whose units sum to `budget` at most.

    With `v_l(A)` the worth of the best group of level `l`, of `u_l` units, to the tasks
    `A` that it serves,

        f_b(T) = max(f_{b−1}(T), max_{l, A ⊆ T} v_l(A) + f_{b−u_l}(T∖A)),

    where `A` holds the top task of `T`, since some part does: `O(3^k)` for each `b`.
    All tasks but the top one are needed for smaller `b`, and at the end `T` is
    everything.

    Args:
        service: `v_l(A)`, by level and mask.
        units: `u_l ≥ 1`.
        budget: Units to spend.

    Returns:
        The value, −inf where nothing covers all tasks, and parts as (level, mask).

    Source: derived here, from the subset convolution of Björklund et al. 2007.
    """
    total = service.shape[1]
    none = np.full(total >> 1 or 1, -np.inf)
    none[0] = 0
    tables = [none]
    for spent in range(1, budget):
        tables.append(_next_table(service, units, tables, spent))
    everything, top = total - 1, total >> 1
    parts, left, value = [], budget, 0.0
    while everything:
        worth, level, part = _best_part(service, units, tables, (everything, top, left))
        if not parts:
            value = worth
        if worth == -np.inf:
            return worth, []
        parts.append((level, part))
        left -= int(units[level])
        everything ^= part
        top = 1 << everything.bit_length() >> 1
    return value, parts


def _next_table(
    service: Float[np.ndarray, "l n"],
    units: Int[np.ndarray, " l"],
    tables: list[Float[np.ndarray, " half"]],
    spent: int,
) -> Float[np.ndarray, " half"]:
    found, half = tables[-1], len(tables[0])
    for level in np.flatnonzero(units <= spent):
        own, before = service[level, :half], tables[spent - units[level]]
        if spent == units[level]:  # before: nothing but the empty set
            found = np.maximum(found, own)
        else:
            found = np.maximum(found, best_splits(own, before))
    return found


def _best_part(
    service: Float[np.ndarray, "l n"],
    units: Int[np.ndarray, " l"],
    tables: list[Float[np.ndarray, " half"]],
    state: tuple[int, int, int],
) -> tuple[float, int, int]:
    """The part that holds the top task, with its level, and what is reached with it."""
    tasks, top, budget = state
    parts = subsets(tasks ^ top) | top
    found = (-np.inf, 0, top)
    for level in np.flatnonzero(units <= budget):
        worth = service[level, parts] + tables[budget - units[level]][tasks ^ parts]
        best = int(np.argmax(worth))
        found = max(found, (float(worth[best]), int(level), int(parts[best])))
    return found
