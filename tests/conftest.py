"""What all tests share: 64-bit floats, hypothesis profiles, real data, GPUs."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jax
import pytest

from simulations.engine.process import share_cpu

share_cpu()
jax.config.update("jax_enable_x64", True)

# The first example of a shape is a compilation, so no example has a deadline.
hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


# A process may map 65,530 pieces of memory (Linux's default), and each compiled program
# takes several: past that, LLVM ends the process without a word.
MOST_MAPPED = 30_000


def give_back_programs() -> None:
    """Drop compiled programs where there are too many of them."""
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPPED:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(autouse=True, scope="module")
def programs_of_a_module() -> Iterator[None]:
    """Look after each module."""
    yield
    give_back_programs()


@pytest.fixture(autouse=True)
def programs_of_a_long_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look after each long test: one module has them for all claims."""
    yield
    if request.node.get_closest_marker("long"):
        give_back_programs()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of real data, named by the variable `IT_DATA`; skips without one."""
    name = os.environ.get("IT_DATA")
    if not name:
        pytest.skip("IT_DATA names no folder of real data")
    folder = Path(name)
    if not folder.is_dir():
        raise ValueError(f"IT_DATA={name} is not a folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` on a machine without one."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and jax.default_backend() != "gpu":
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="jax sees no GPU"))
