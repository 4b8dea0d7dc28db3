"""Runs of the engine, each in a process of its own: `engine_runs.py NAME ARGUMENTS`.

Prints one line of JSON. A process of its own has its own peak memory, its own devices
and nothing compiled.
"""

import json
import shutil
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp

from simulations.engine.in_memory import in_memory
from simulations.engine.place import Here
from simulations.engine.process import prepare_process
from simulations.engine.program import ChunkProgram, Sizes
from simulations.engine.run import Choices, StoppedError, run_cells
from simulations.engine.store_files import create
from simulations.experiments.gain_grid import GainGrid
from theory.linear import multi_start_optimum
from theory.tasks import TaskStatistics

# 24 points a repeat.
GRID = GainGrid(
    turns=(0.0, 0.5),
    cosines=(0.5, 0.96),
    samples_source=(100, 1_000, 10_000),
    weights=(0.5, 1.0),
)
# What the engine measures at d = 2 on an idle machine: 1.3 s a chunk.
SIZES = Sizes(1024, 65_536)
# Chunks that the engine and the bare loop do in turn.
TURN = 2


def grid(dimension: int, cells: int, seed: int = 0) -> GainGrid:
    return replace(
        GRID,
        dimension=dimension,
        samples_target=max(1, dimension // 2),
        repeats=-(-cells // 24),
        seed=seed,
    )


def overhead(folder: Path, dimension: int, cells: int) -> dict:
    """The engine, and its program called in a bare loop, in turn on the same cells."""
    study = grid(dimension, cells).study()
    place = Here()
    store = create(
        folder / "overhead.cells",
        study,
        chunk=SIZES.chunk,
        batch=SIZES.batch,
        origin=place.origin(study),
    )
    program = ChunkProgram(study, store.batch, jax.devices())
    program(store.points(0))
    chunks, found = list(range(store.layout.chunks)), dict[str, float]()
    for start in range(0, len(chunks), TURN):
        turn = chunks[start : start + TURN]
        with _timed(found, "engine"):
            place.compute(store, study, turn, lambda _: None)
        batches = [
            program._arguments(store.points(chunk), first)
            for chunk in turn
            for first in range(0, store.layout.count(chunk), program.step)
        ]
        with _timed(found, "bare"):
            for batch in batches:
                jax.device_get(program._call(*batch))
    return {"cells": study.cells, "chunks": len(chunks), **found}


def memory(folder: Path, dimension: int, cells: int) -> dict:
    """Peak memory of a sweep of so many cells, in MB."""
    study = grid(dimension, cells).study()
    run_cells(study, folder / "memory.cells", None, Choices(sizes=SIZES))
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM"))
    return {"cells": study.cells, "MB": int(peak.split()[1]) / 1024}


class _First(Here):
    """Here, stopped after one chunk; knows when it was written."""

    def compute(self, store, study, chunks, told):
        super().compute(store, study, chunks[:1], told)
        self.at, self.used = time.time(), time.process_time()
        raise KeyboardInterrupt


def start(folder: Path, dimension: int, began: str) -> dict:
    """Compilations, and seconds from the start of the process to the first chunk."""
    events = Counter[str]()
    jax.monitoring.register_event_listener(lambda event, **_: events.update([event]))
    first = _First()
    with suppress(StoppedError):
        run_cells(grid(dimension, 10**6).study(), folder / "start.cells", first)
    cache = "/jax/compilation_cache/cache_"
    return {
        "compiled": events[f"{cache}misses"],
        "read": events[f"{cache}hits"],
        "seconds": first.at - float(began),
        "CPU": first.used,
    }


def devices(folder: Path, dimension: int, cells: int) -> dict:
    """Cells a second on all devices of the process, after one chunk."""
    study = grid(dimension, cells).study()
    count = len(jax.devices())
    sizes = Choices(sizes=Sizes(1024, 1024 * count))
    warm = grid(dimension, 1024 * count, seed=1).study()
    run_cells(warm, folder / f"warm{count}.cells", None, sizes)
    found = dict[str, float]()
    with _timed(found, "seconds"):
        run_cells(study, folder / f"devices{count}-{cells}.cells", None, sizes)
    return {"devices": count, "cells": study.cells, **found}


def workers(folder: Path, dimension: int, cells: int, count: int) -> dict:
    """Cells a second on Dask workers, after a sweep of theirs."""
    from simulations.engine.local_cluster import started

    sizes = Choices(sizes=Sizes(1024, 4096))
    found = dict[str, float]()
    with started(count) as cluster:
        warm = grid(dimension, 4096 * 4 * count, seed=1).study()
        run_cells(warm, folder / f"warm-w{count}.cells", cluster, sizes)
        study = grid(dimension, cells).study()
        with _timed(found, "seconds"):
            run_cells(study, folder / f"w{count}-{cells}.cells", cluster, sizes)
        chunks = -(-study.cells // 4096)
    return {"workers": count, "cells": study.cells, "chunks": chunks, **found}


def cost(folder: Path, dimension: int, cells: int) -> dict:
    """Seconds a cell against m, at one d: one program for all m."""
    found: dict[str, float] = {}
    for m in (100, 10_000, 1_000_000):
        spec = replace(grid(dimension, cells), samples_source=(m, m + 1, m + 2))
        in_memory(replace(spec, repeats=11).study())
        seconds = dict[str, float]()
        with _timed(seconds, "s"):
            in_memory(spec.study())
        found[str(m)] = 1e6 * seconds["s CPU"] / spec.study().cells
    return {"d": dimension, "µs CPU a cell by m": found}


def width(folder: Path, tasks: int, rank: int) -> dict:
    """Seconds of one optimum of `tasks` tasks of their own covariances at width r."""
    dimension, samples = 16, 64
    k_1, k_2 = jax.random.split(jax.random.key(0))
    x = jax.random.normal(k_1, (tasks, samples, dimension))
    y = jax.random.normal(k_2, (tasks, samples))
    statistics = TaskStatistics.from_data(list(x), list(y))
    ones, rounds, found = jnp.ones(tasks), 5, dict[str, float]()
    for turn in range(rounds + 1):
        with _timed(found if turn else {}, "s"):
            best = multi_start_optimum(statistics, rank, ones, bounded=False)
            jax.block_until_ready(best.loss)
    return {"k": tasks, "r": rank, "ms CPU": 1e3 * found["s CPU"] / rounds}


class _timed:  # noqa: N801
    """Add wall and CPU seconds of a block."""

    def __init__(self, found: dict[str, float], name: str) -> None:
        self._found, self._name = found, name

    def __enter__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        wall, cpu = self._start
        self._add(self._name, time.perf_counter() - wall)
        self._add(f"{self._name} CPU", time.process_time() - cpu)

    def _add(self, name: str, seconds: float) -> None:
        self._found[name] = self._found.get(name, 0.0) + seconds


def main(name: str, folder: str, *arguments: str) -> None:
    prepare_process()
    made = Path(folder)
    made.mkdir(parents=True, exist_ok=True)
    numbers = [int(a) if a.isdigit() else a for a in arguments]
    print(json.dumps(globals()[name](made, *numbers)))
    if name != "start":
        shutil.rmtree(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
