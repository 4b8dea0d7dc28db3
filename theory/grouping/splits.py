"""All splits of sets of `l` tasks in two, as vectors: the inner loops of the search.

A split has, for each task, a digit: 0 in neither, 1 in the whole only, 2 in its part
too. Sets are numbers whose bit `i` stands for task `i`, splits numbers with digit `i`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

# Tasks that are split in one vector of 3⁹ numbers, which fits into a cache.
LOW = 9


@dataclass(frozen=True, eq=False)
class Splits:
    """The `3^l` splits: `whole` and `part` are sets, and `part ⊆ whole`."""

    count: int
    whole: Int[np.ndarray, " t"]
    part: Int[np.ndarray, " t"]

    def over_parts(self, values: Float[np.ndarray, " t"]) -> Float[np.ndarray, " n"]:
        """The largest value for each whole."""
        return self._largest(values, (0,), (1, 2))

    def over_wholes(self, values: Float[np.ndarray, " t"]) -> Float[np.ndarray, " n"]:
        """The largest value for each part."""
        return self._largest(values, (0, 1), (2,))

    def _largest(
        self,
        values: Float[np.ndarray, " t"],
        out: tuple[int, ...],
        inside: tuple[int, ...],
    ) -> Float[np.ndarray, " n"]:
        for task in range(self.count):
            digit = np.moveaxis(values.reshape(1 << task, 3, -1), 1, 0)
            values = np.empty((1 << task, 2, digit.shape[-1]))
            for end, digits in enumerate((out, inside)):
                np.maximum(digit[digits[0]], digit[digits[-1]], out=values[:, end])
        return values.reshape(-1)


@lru_cache
def splits(count: int) -> Splits:
    """All splits of subsets of `count` tasks."""
    digits = np.arange(3**count)[:, None] // 3 ** np.arange(count) % 3
    bits = 1 << np.arange(count)
    return Splits(count, (digits > 0) @ bits, (digits == 2) @ bits)


def subsets(mask: int) -> Int[np.ndarray, " n"]:
    """All subsets of a set, ascending."""
    found = np.zeros(1, int)
    for bit in range(mask.bit_length()):
        if mask >> bit & 1:
            found = np.concatenate([found, found | 1 << bit])
    return found


def best_splits(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return `h(T) = max_{A ⊆ T} first(A) + second(T∖A)`, `A` with the top task.

    Of the tasks above the lowest 9, `A` must have the highest one of `T`: two parts are
    split once, not in both orders. Order of the lowest does not matter for the maximum.
    """
    low = min(len(first).bit_length() - 1, LOW)
    s, size = splits(low), 1 << low
    # `take` keeps rows together in memory; an index in brackets would not.
    part = first.reshape(-1, size).take(s.part, axis=1)
    rest = second.reshape(-1, size).take(s.whole ^ s.part, axis=1)
    found = np.empty_like(first)
    for high in range(len(part)):
        top = 1 << high.bit_length() >> 1
        best = np.full(len(s.whole), -np.inf)
        room = np.empty_like(best)
        for below in subsets(high ^ top):
            np.add(part[top | below], rest[high ^ top ^ below], out=room)
            np.maximum(best, room, out=best)
        found[high * size : (high + 1) * size] = s.over_parts(best)
    return found
