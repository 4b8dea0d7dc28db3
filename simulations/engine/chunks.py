"""Many repeats of one kernel, a chunk at a time, on whatever device jax has."""

from collections.abc import Callable
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Array, Key

# (repeats done, repeats in all)
Progress = Callable[[int, int], None]
Result = TypeVar("Result")


def repeat_keys(seed: int, repeats: int) -> Key[Array, " n"]:
    """Key of repeat `i`: `fold_in(key(seed), i)`, whatever the number of repeats."""
    fold = jax.vmap(jax.random.fold_in, (None, 0))
    return fold(jax.random.key(seed), np.arange(repeats))


def map_chunks(
    function: Callable[[Key[Array, " size"]], Result],
    keys: Key[Array, " n"],
    size: int,
    progress: Progress | None = None,
) -> Result:
    """Concatenate `function` of chunks of keys, as NumPy arrays.

    Every chunk has `size` keys, the last one padded, so that a jitted `function` is
    compiled once and memory does not grow with the number of keys. Each chunk ends
    before the next begins: jaxlib 0.10 can deadlock when batched LAPACK calls of two
    programs share the two workers of a two-core machine.

    Args:
        function: Takes `size` keys; every leaf of its result has a first axis `size`.
        keys: One a repeat.
        size: Keys a chunk.
        progress: Told the number of repeats done, and in all.

    Raises:
        ValueError: No key, or `size` below 1.
    """
    count = len(keys)
    if count < 1 or size < 1:
        raise ValueError(f"need at least one key and size >= 1, got {count} and {size}")
    size = min(size, count)
    parts = []
    for start in range(0, count, size):
        place = np.minimum(np.arange(start, start + size), count - 1)
        part = jax.device_get(function(keys[place]))
        kept = min(size, count - start)
        parts.append(jax.tree.map(lambda leaf, n=kept: leaf[:n], part))
        if progress is not None:
            progress(start + kept, count)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
