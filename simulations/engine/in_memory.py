"""Small sweeps without a store: all cells, or many repeats of one kernel, in memory."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Key, Shaped

from simulations.engine.layout import whole
from simulations.engine.program import ChunkProgram
from simulations.engine.study import Study, points_of

# (repeats done, repeats in all)
Progress = Callable[[int, int], None]
Result = TypeVar("Result")
# Cells of a call where the study names no number.
BATCH = 256


def repeat_keys(seed: int, repeats: int) -> Key[Array, " n"]:
    """Key of repeat `i`: `fold_in(key(seed), i)`, whatever the number of repeats."""
    fold = jax.vmap(jax.random.fold_in, (None, 0))
    return fold(jax.random.key(seed), np.arange(repeats))


def map_chunks(
    function: Callable[[Any], Result],
    keys: Shaped[Array | np.ndarray, " n"],
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
        keys: One per repeat; or numbers of the repeats, for a function that has keys.
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


def in_memory(study: Study, progress: Progress | None = None) -> xr.Dataset:
    """Compute all cells and keep them in memory.

    Args:
        study: What to run.
        progress: Told the number of cells done, and in all.
    """
    batch = study.batch or min(BATCH, study.cells)
    program = ChunkProgram(study, batch, jax.devices())
    lengths = [len(axis) for axis in study.axes]
    layout = whole(lengths, program.step)
    parts, done = [], 0
    for chunk in range(layout.chunks):
        parts.append(program(points_of(study.axes, layout.places(chunk))))
        done += layout.count(chunk)
        if progress is not None:
            progress(done, study.cells)
    columns = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    return study.assemble(
        {name: v.reshape(*lengths, *v.shape[1:]) for name, v in columns.items()}
    )
