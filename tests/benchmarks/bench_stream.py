"""Folding a stream of row blocks against the bare matrix product of its blocks."""

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.benchmarks.paired import interleave, quartiles
from theory.tasks import TaskStatistics

DIMENSION = 50
BLOCK = 20_000
# Rows of one timing; a slice of the stream, so that both ways see the same load.
SLICE = 500_000

MEMORY = """
import json, pathlib, sys, tracemalloc
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from theory.tasks import TaskStatistics
rows, block, d = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
x, y = rng.standard_normal((block, d)), rng.standard_normal(block)
def peak():
    # ru_maxrss would start from the parent's: it outlives fork and exec.
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(s.split()[1]) for s in lines if s.startswith("VmHWM")) * 1024 / 1e6
before = peak()
stream = ((0, x, y) for _ in range(rows // block))
samples = float(TaskStatistics.from_blocks(stream).samples[0])
after = peak()
tracemalloc.start()
TaskStatistics.from_blocks((0, x, y) for _ in range(10))
python = tracemalloc.get_traced_memory()[1] / 1e6
print(json.dumps([samples, before, after - before, python]))
"""


def _blocks(
    x: NDArray[np.float64], y: NDArray[np.float64], count: int
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    return ((0, x, y) for _ in range(count))


def _product(x: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    gram = np.zeros((x.shape[1], x.shape[1]))
    for _ in range(count):
        gram += x.T @ x
    return gram


@pytest.mark.parametrize("block", [2_000, BLOCK])
def test_seconds_of_a_stream(block, report, smoke):
    rows, slices = (40_000, 2) if smoke else (SLICE, 10_000_000 // SLICE)
    rng, count = np.random.default_rng(0), rows // block
    x, y = rng.standard_normal((block, DIMENSION)), rng.standard_normal(block)
    folded = TaskStatistics.from_blocks(_blocks(x, y, count))
    assert np.allclose(folded.gram[0], _product(x, count), rtol=1e-12)
    times = interleave(
        {
            "fold": lambda: TaskStatistics.from_blocks(_blocks(x, y, count)),
            "product": lambda: _product(x, count),
        },
        slices,
    )
    fold, product = times["fold"], times["product"]
    # Of a symmetric product only one half is computed, by syrk.
    flops = rows * DIMENSION * (DIMENSION + 1)
    report(
        f"stream {rows * slices:.0e} x {DIMENSION}, blocks of {block}: fold "
        f"{fold.sum():.3g} s, bare product {product.sum():.3g} s "
        f"({flops * slices / product.sum() / 1e9:.3g} GFLOP/s, the floor)"
    )
    report(
        f"stream ratio fold/product, blocks of {block}: {quartiles(fold / product)}, "
        f"of the sums {fold.sum() / product.sum():.3g} (n={slices} slices of "
        f"{rows} rows; target <= 1.5)"
    )


def test_memory_of_a_stream(report, smoke):
    rows = 40_000 if smoke else 10_000_000
    sizes = [str(n) for n in (rows, BLOCK, DIMENSION)]
    command = [sys.executable, "-c", MEMORY, *sizes]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    samples, before, beyond, python = json.loads(done.stdout)
    assert samples == rows
    report(
        f"stream memory beyond imports and one block ({before:.0f} MB): resident "
        f"{beyond:.1f} MB, NumPy and Python objects {python:.2f} MB (n=1 pass of "
        f"{rows:.0e} rows; target < 500; floor {8 * DIMENSION**2 / 1e6:.2f})"
    )
