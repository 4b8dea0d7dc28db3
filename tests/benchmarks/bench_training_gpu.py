"""The grid of ReLU pairs on a GPU: runs a second, its ceilings, and the CPU beside it.

Skipped without a GPU. Where one is lent: `python -m pytest tests/benchmarks -o
python_files='bench_training_gpu.py'`, and the lines go into BENCHMARKS.md.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.training import Adam, ReluModel, Trained, train_grid
from tests.benchmarks.bench_training import KEY, RATE, ROWS, D, rows
from tests.benchmarks.paired import Seconds, interleave, quartiles
from theory.tasks import Tasks

# Of the grid with a draw for every run, and of that with as many seeds as draws.
RUNS, SIDE = 4_096, 64
# In a process of its own: a process has one default backend, and a grid follows it.
ON_CPU = """
import json, sys
import jax
jax.config.update("jax_enable_x64", True)
from tests.benchmarks.bench_training_gpu import on_cpu
print(json.dumps(on_cpu(*map(int, sys.argv[1:]))))
"""


def grid(draws: int, seeds: int, steps: int) -> Callable[[], Trained]:
    """Train `draws` problems from `seeds` starts each, in 32 bits."""
    x = np.zeros((draws, 2, max(ROWS), D), np.float32)
    y, mask = np.zeros(x.shape[:3], np.float32), np.zeros(x.shape[:3], bool)
    for draw in range(draws):
        for task, (one, labels) in enumerate(zip(*rows(draw), strict=True)):
            x[draw, task, : len(one)], y[draw, task, : len(one)] = one, labels
            mask[draw, task, : len(one)] = True
    models = ReluModel.from_tasks(Tasks(*(jnp.asarray(part) for part in (x, y, mask))))
    solver = Adam(rate=RATE, steps=steps, tolerance=1e-30)
    keys = jax.random.split(KEY, seeds)
    return partial(train_grid, models, [1], None, keys, solver=solver)


def on_cpu(draws: int, steps: int, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round, and the losses that are reached."""
    work = grid(draws, 1, steps)
    times = interleave({"cpu": work}, rounds)["cpu"]
    return times.tolist(), np.ravel(work().loss).tolist()


def _cpu_beside(draws: int, steps: int, rounds: int) -> tuple[Seconds, np.ndarray]:
    sizes = [str(n) for n in (draws, steps, rounds)]
    command = [sys.executable, "-c", ON_CPU, *sizes]
    # All cores, where `share_cpu` gave this process a number of threads.
    env = {k: v for k, v in os.environ.items() if k != "PJRT_NPROC"}
    env["JAX_PLATFORMS"] = "cpu"
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    seconds, losses = json.loads(done.stdout.splitlines()[-1])
    return np.array(seconds), np.array(losses)


@pytest.mark.gpu
def test_a_grid_of_thousands_of_runs(report, smoke):
    runs, side, steps, rounds = (16, 4, 20, 2) if smoke else (RUNS, SIDE, 1000, 5)
    edge, few = (256, 4) if smoke else (8192, 64)
    square = jnp.ones((edge, edge), jnp.float32)
    long = jnp.ones(edge**2 * 4, jnp.float32)
    works = {
        "draws": grid(runs, 1, steps),
        "draws x seeds": grid(side, side, steps),
        # The ceilings, with arguments: a constant would be computed once.
        "product": partial(jax.jit(jnp.matmul), square, square),
        "copy": partial(jax.jit(jnp.add), long, jnp.float32(1)),
    }
    times = interleave(works, rounds)
    cpu, losses = _cpu_beside(few, steps, rounds)
    found = np.ravel(works["draws"]().loss)[:few]
    # Rounding in 32 bits sends long descents along paths that differ.
    np.testing.assert_allclose(found, losses, rtol=0.05)
    device = jax.devices()[0].device_kind
    flops = 2 * edge**3 / times["product"]
    band = 2 * long.nbytes / times["copy"]
    report(
        f"training grid, {device}: ceilings {quartiles(flops / 1e12)} TFLOP/s "
        f"({edge}^3 product, 32-bit inputs at jax's default precision), "
        f"{quartiles(band / 1e9)} GB/s (copy of {long.nbytes / 1e9:.2g} GB)"
    )
    for kind in ("draws", "draws x seeds"):
        count = runs if kind == "draws" else side**2
        rate = count / times[kind]
        # A step has two products with a run's X, forward and back; all else is small.
        # Runs on one draw may share what they read: then less is read than this.
        entries = 2 * sum(ROWS) * D * steps
        report(
            f"training grid of {count} {kind}, {device}: {quartiles(rate)} runs/s; "
            f"{quartiles(2 * entries * rate / 1e12)} TFLOP/s, "
            f"{quartiles(2 * entries * rate / flops)} of the product's; X read at "
            f"{quartiles(4 * entries * rate / 1e9)} GB/s, "
            f"{quartiles(4 * entries * rate / band)} of the copy's; "
            f"{quartiles(rate * cpu / few)} times the CPU beside it, "
            f"{os.cpu_count()} cores, {few} draws (n={rounds} rounds x {steps} Adam "
            f"steps, d={D}, m={ROWS}, 32-bit)"
        )
