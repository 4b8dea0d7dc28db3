"""What every process of a sweep sets before jax is first used."""

import os
import re
from pathlib import Path

import jax

from simulations.engine.cpu_threads import THREADS, share_cpu


def prepare_process(*, x64: bool = True) -> None:
    """Share the CPU, choose the float width, and keep compiled programs.

    Programs are kept in `JAX_COMPILATION_CACHE_DIR`, or in the user's cache folder, so
    that a second start of a sweep compiles nothing. Every virtual device that XLA_FLAGS
    asks for gets threads of its own: see `share_cpu` on calls that wait for a thread.
    """
    devices = re.search(r"host_platform_device_count=(\d+)", _flags())
    if devices is not None:
        os.environ.setdefault("PJRT_NPROC", str(THREADS * int(devices[1])))
    share_cpu()
    jax.config.update("jax_enable_x64", x64)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "information-transfer" / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
    # Programs that compile in no time as well: there are many of them.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _flags() -> str:
    return os.environ.get("XLA_FLAGS", "")
