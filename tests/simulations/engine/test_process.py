import os
import subprocess
import sys

import pytest

EIGHT = "--xla_force_host_platform_device_count=8"
COUNT = "from simulations.engine.process import share_cpu; share_cpu(); import os; "
COUNT += "print(os.environ['PJRT_NPROC'])"
GRID = """
import jax
from simulations.engine.in_memory import in_memory
from simulations.engine.process import prepare_process
from simulations.engine.program import ChunkProgram
from simulations.engine.study import first_points
from simulations.experiments.gain_grid import GainGrid

prepare_process()
study = GainGrid(dimension=10, samples_target=5, repeats=2_000).study()
program = ChunkProgram(study, 1_024, jax.devices())
for _ in range(4):
    found = program(first_points(study.axes, program.step))
print(len(jax.devices()), "devices")
"""


def run(code: str, **environment: str) -> str:
    """What code prints in a process that this one has given no threads."""
    mine = {k: v for k, v in os.environ.items() if k not in {"PJRT_NPROC", "XLA_FLAGS"}}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=mine | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, "8"),
        ({"XLA_FLAGS": f"--xla_backend_optimization_level=0 {EIGHT}"}, "64"),
        ({"XLA_FLAGS": EIGHT, "PJRT_NPROC": "3"}, "3"),
    ],
)
def test_every_virtual_device_has_threads_of_its_own(environment, threads):
    assert run(COUNT, **environment) == threads


def test_products_have_a_thread_a_core():
    code = COUNT.replace("share_cpu();", "share_cpu(batched_lapack=False);")
    assert code != COUNT
    cores = len(os.sched_getaffinity(0))
    assert run(code) == str(cores)
    assert run(code, XLA_FLAGS=EIGHT) == "64"


@pytest.mark.long
def test_batched_lapack_on_eight_virtual_devices_does_not_hang():
    flags = f"--xla_backend_optimization_level=0 {EIGHT}"
    assert run(GRID, XLA_FLAGS=flags) == "8 devices"
