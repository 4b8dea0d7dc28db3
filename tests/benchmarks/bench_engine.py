"""The sweep engine: overhead, memory, second starts, scaling, and a model of cost."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DEVICES = "--xla_force_host_platform_device_count="


def run(name: str, folder: Path, *arguments: object, **environment: str) -> dict:
    """A run of `engine_runs` in a process of its own."""
    # The threads that this process gives to jax are too few for more devices.
    mine = {k: v for k, v in os.environ.items() if k != "PJRT_NPROC"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks.engine_runs", name),
            *(str(folder), *map(str, arguments)),
        ],
        cwd=ROOT,
        env=mine | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_overhead_against_a_bare_loop(report, smoke, tmp_path):
    found = run("overhead", tmp_path / "o", 2, 20_000 if smoke else 10**6)
    wall = found["engine"] / found["bare"] - 1
    cpu = found["engine CPU"] / found["bare CPU"] - 1
    a_chunk = 1e3 * (found["engine"] - found["bare"]) / found["chunks"]
    report(
        f"engine overhead, {found['cells']:,} cells, d=2: {wall:+.1%} wall, {cpu:+.1%} "
        f"CPU, {a_chunk:.1f} ms a chunk of 65,536 (bare loop "
        f"{1e6 * found['bare'] / found['cells']:.1f} µs a cell; target <= 5 %)"
    )


def test_peak_memory_does_not_grow_with_cells(report, smoke, tmp_path):
    # The first fills a sixth of a chunk, the second one chunk.
    sizes = (10_000, 50_000) if smoke else (10_000, 65_500, 10**6)
    found = [run("memory", tmp_path / "m", 2, cells) for cells in sizes]
    first = found[0]["MB"]
    for one in found:
        report(
            f"engine peak memory, {one['cells']:,} cells: {one['MB']:.0f} MB, "
            f"{one['MB'] / first - 1:+.1%} (target within 10 %)"
        )


def test_a_second_start_compiles_nothing(report, tmp_path):
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    first, second = (
        run("start", tmp_path / "s", 2, time.time(), **cache) for _ in range(2)
    )
    report(
        f"engine starts: first compiles {first['compiled']} programs, first chunk "
        f"after {first['seconds']:.1f} s; second compiles {second['compiled']} and "
        f"reads {second['read']}, {second['seconds']:.1f} s, {second['CPU']:.1f} s CPU "
        "(targets 0, < 10 s)"
    )
    assert second["compiled"] == 0


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_scaling_over_virtual_devices(report, smoke, tmp_path, kind):
    cells = 8_192 if smoke else 65_536
    _scaling(
        report, kind, "devices", (1, 2) if smoke else (1, 2, 4, 8), cells, tmp_path
    )


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_scaling_over_dask_workers(report, smoke, tmp_path, kind):
    cells = 8_192 if smoke else 65_536
    _scaling(report, kind, "workers", (1, 2) if smoke else (1, 2, 4), cells, tmp_path)


def _scaling(report, kind, what, counts, cells, folder):
    base = None
    for count in counts:
        size = cells * (count if kind == "weak" else 1)
        if what == "devices":
            flags = os.environ.get("XLA_FLAGS", "") + f" {DEVICES}{count}"
            found = run("devices", folder / "d", 10, size, XLA_FLAGS=flags)
        else:
            found = run("workers", folder / "w", 10, size, count)
        rate = found["cells"] / found["seconds"]
        base = base or rate
        report(
            f"engine {kind} scaling, {count} {what}: {rate:,.0f} cells/s, "
            f"{rate / base:.2f} times one, on {os.cpu_count()} cores "
            f"({found['cells']:,} cells, d=10)"
        )


def test_a_model_of_cost(report, smoke, tmp_path):
    dimensions = (4, 8) if smoke else (4, 8, 16, 32, 64)
    rows = [
        run("cost", tmp_path / "c", d, 2_000 if d < 32 else 500) for d in dimensions
    ]
    cost = np.array([list(row["µs CPU a cell by m"].values()) for row in rows])
    for d, line in zip(dimensions, cost, strict=True):
        report(
            f"engine cost, d={d}: {line.round(1).tolist()} µs CPU a cell at m = 1e2, "
            "1e4, 1e6"
        )
    # A cell has operations of order 1, d (the search) and d³, and none of order m.
    powers = np.array([0, 1, 3])
    terms, mean = np.array(dimensions)[:, None] ** powers, cost.mean(axis=1)
    weights, *_ = np.linalg.lstsq(terms / mean[:, None], np.ones(len(cost)), rcond=None)
    fixed, linear, cubic = weights
    worst = np.abs(terms @ weights / mean - 1).max()
    report(
        f"engine cost model: {fixed:.1f} + {linear:.2f} d + {cubic:.4f} d³ µs CPU a "
        f"cell, within {worst:.0%} of the above"
    )
    pairs = ((2, 1), (4, 1)) if smoke else ((2, 1), (4, 1), (4, 2), (8, 2), (8, 4))
    for k, r in pairs:
        found = run("width", tmp_path / "k", k, r)
        report(
            f"engine cost, k={k}, r={r}, d=16: {found['ms CPU']:.1f} ms CPU an optimum"
        )
