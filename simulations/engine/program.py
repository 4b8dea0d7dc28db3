"""Chunks computed on all devices of the process, and how many cells one takes."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, Key, UInt32

from simulations.engine.study import (
    Columns,
    Kernel,
    Points,
    Study,
    cell_keys,
    first_points,
)

CELL = "cell"
# On a CPU more cells a call only leave its caches; an accelerator needs many.
CPU_BATCH, CPU_BYTES = 1024, 2**26
ACCELERATOR_BATCH = 2**17
# Of an accelerator's memory, or of the free memory of the machine.
SHARE = 1 / 8
# A chunk is what a kill loses and what one write costs.
CHUNK_SECONDS = 2.0
CHUNK_BYTES = 2**26
# A sweep of so few calls has each in a chunk of its own: they take half a second to
# write, and a trial would be as long as some of them.
FEW_CALLS = 100


class ChunkProgram:
    """Compute chunks of a study.

    Each device runs the kernel on `batch` cells a call, whatever the number of devices
    and the size of chunks: the same program, and so the same bits. A call ends before
    the next begins: see `simulations.engine.in_memory.map_chunks` on deadlocks.
    """

    def __init__(self, study: Study, batch: int, devices: list[Any]) -> None:
        """Prepare; the first call compiles."""
        self._seed = jax.random.key(study.spec.seed)
        self.devices = devices if study.compiled else devices[:1]
        self.step = batch * len(self.devices)
        if study.compiled:
            mesh = jax.make_mesh(
                (len(devices),), (CELL,), (AxisType.Auto,), devices=devices
            )
            fixed = {k: v for k, v in study.fixed.items() if k != "seed"}
            program = _Kernel(type(study.spec), json.dumps(fixed), study.kernel)
            self._call = _spread(program, mesh)
            split = NamedSharding(mesh, PartitionSpec(CELL))
            one = len(devices) == 1
            # One device takes NumPy's arrays as they are, which is ten times faster.
            self._place = (
                (lambda leaf: leaf) if one else partial(jax.device_put, device=split)
            )
        else:
            self._call = partial(_plain, study)
            self._place = lambda leaf: leaf

    def __call__(self, points: Points) -> dict[str, np.ndarray]:
        """Columns of the cells, in memory."""
        count = len(points.words)
        parts = [self._batch(points, start) for start in range(0, count, self.step)]
        return {
            name: np.concatenate([part[name] for part in parts])[:count]
            for name in parts[0]
        }

    def compiled(self, points: Points) -> Any:
        """The compiled program for one call, to ask it for its memory."""
        return self._call.lower(*self._arguments(points, 0)).compile()  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]

    def _batch(self, points: Points, start: int) -> dict[str, np.ndarray]:
        return jax.device_get(self._call(*self._arguments(points, start)))

    def _arguments(self, points: Points, start: int) -> tuple[Any, Any, Any]:
        # The last batch repeats its last cell: one shape, one program.
        place = np.minimum(np.arange(start, start + self.step), len(points.words) - 1)
        cells = (points.words[place], {k: v[place] for k, v in points.values.items()})
        return (self._seed, *self._place(cells))


@dataclass(frozen=True)
class _Kernel:
    """A kernel, equal to others of its spec's class and fixed fields but the seed."""

    kind: type
    fixed: str
    function: Kernel = field(compare=False)


@lru_cache(maxsize=16)
def _spread(kernel: _Kernel, mesh: jax.sharding.Mesh) -> Callable[..., Any]:
    whole, split = PartitionSpec(), PartitionSpec(CELL)

    def cells(
        seed: Key[Array, ""], words: UInt32[Array, "n w"], values: Columns
    ) -> Columns:
        return dict(kernel.function(cell_keys(seed, words), values))

    # Some of jax's own loops do not say on which axes their carry varies.
    return jax.jit(
        jax.shard_map(
            cells,
            mesh=mesh,
            in_specs=(whole, split, split),
            out_specs=split,
            check_vma=False,
        )
    )


def _plain(
    study: Study,
    seed: Key[Array, ""],
    words: UInt32[np.ndarray, "n w"],
    values: Columns,
) -> Columns:
    return dict(study.kernel(cell_keys(seed, jnp.asarray(words)), values))


class Sizes(NamedTuple):
    """Cells of a call on one device, and of a chunk: a multiple of it."""

    batch: int
    chunk: int


def measure_sizes(study: Study, devices: list[Any]) -> Sizes:
    """Choose sizes for a new store; a store keeps its own.

    The batch follows from memory alone, so that values do not depend on how fast the
    machine happened to be. A chunk has as many batches as take about two seconds, a
    power of two, within memory; or one, where the study names the batch and has few.
    """
    batch = study.batch or _batch(study, devices)
    program = ChunkProgram(study, batch, devices)
    if study.batch and study.cells <= FEW_CALLS * program.step:
        return Sizes(batch, program.step)
    points = first_points(study.axes, program.step)
    program(points)
    start = time.perf_counter()
    program(points)
    seconds = max(time.perf_counter() - start, 1e-6)
    held = sum(
        math.prod(shape.shape) * np.dtype(shape.dtype).itemsize
        for shape in study.shapes.values()
    )
    most = min(CHUNK_BYTES, SHARE * free_memory()) / max(1, held * program.step)
    steps = max(1, min(CHUNK_SECONDS / seconds, most))
    steps = min(2 ** int(math.log2(steps)), -(-study.cells // program.step))
    return Sizes(batch, program.step * steps)


def _batch(study: Study, devices: list[Any]) -> int:
    """Largest power of two whose program fits; at most the sweep's cells."""
    stats = devices[0].memory_stats() if devices[0].platform != "cpu" else None
    limit = SHARE * stats["bytes_limit"] if stats else CPU_BYTES
    most = ACCELERATOR_BATCH if stats else CPU_BATCH
    batch = min(most, 2 ** math.ceil(math.log2(study.cells)))
    while study.compiled and batch > 1:
        program = ChunkProgram(study, batch, devices[:1])
        found = program.compiled(first_points(study.axes, batch)).memory_analysis()
        if found is None:
            break
        size = found.temp_size_in_bytes + found.output_size_in_bytes
        if size <= limit:
            break
        batch = max(1, 2 ** int(math.log2(batch * limit / size)))
    return batch


def free_memory() -> float:
    """Free bytes of the machine; 4 GiB where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable"))
        return 1024.0 * int(line.split()[1])
    except (OSError, ValueError):
        return float(2**32)
