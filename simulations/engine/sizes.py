"""Cells a call and cells a chunk, from memory and from measured speed."""

import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simulations.engine.points import first_points
from simulations.engine.program import ChunkProgram
from simulations.engine.study import Study

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
