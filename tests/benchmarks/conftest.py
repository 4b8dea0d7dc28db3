"""How benchmarks report: one line a number."""

import os
import platform
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy

Report = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--smoke",
        action="store_true",
        help="benchmarks: small sizes, to see that they run; the numbers mean nothing",
    )


@pytest.fixture
def smoke(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--smoke"))


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Print one line now: a run that is cut short keeps what it has measured."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)

    return line


def pytest_report_header() -> str:
    return _machine()


def _machine() -> str:
    model = platform.machine()
    described = Path("/proc/cpuinfo")
    if described.is_file():
        names = [s for s in described.read_text().splitlines() if "model name" in s]
        model = names[0].split(":")[1].strip() if names else model
    threads = {
        name: os.environ.get(name, "unset")
        for name in ("PJRT_NPROC", "OPENBLAS_NUM_THREADS")
    }
    return (
        f"machine: {model}, {os.cpu_count()} cores, load now {os.getloadavg()[0]:.1f}, "
        f"{threads}; Python {platform.python_version()}, jax {jax.__version__}, "
        f"numpy {np.__version__}, scipy {scipy.__version__}"
    )
