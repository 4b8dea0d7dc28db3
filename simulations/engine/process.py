"""What each process sets before jax is first used: threads, float width, a cache."""

import os
import re
from pathlib import Path

import jax
import scipy.linalg.lapack  # noqa: F401  (loads the LAPACK that jaxlib calls)
from threadpoolctl import threadpool_limits

# More than the batched LAPACK calls that one program has in flight on one device.
THREADS = 8
DEVICES = re.compile(r"--xla_force_host_platform_device_count=(\d+)")


def share_cpu(*, batched_lapack: bool = True) -> None:
    """Run LAPACK with one thread a call, and give jax more threads than cores.

    jax splits a batch of small matrices over its own threads. OpenBLAS's threads then
    only wait for one another: Fig 3's quick sweep, compiled, took 0.3 s with one of
    them and 8 to 19 s with two, on two loaded cores.

    jaxlib 0.10 runs each batched LAPACK call (eigh, qr, ...) by splitting it over its
    worker threads and waiting inside one of them. Two independent calls in flight on
    a machine of two cores can take both workers to wait, for ever: a program of two
    batched qr and an eigh hung in 3 of 6 runs, and in none of 12 with eight threads.
    Virtual devices (XLA_FLAGS) share these threads and each run a program, so that
    every one of them is given as many: four devices hung with eight threads in all.

    Call this before jax is first used; afterwards the second part has no effect. The
    variable PJRT_NPROC, if set, is left as it is.

    Args:
        batched_lapack: Whether batches of matrices are factorised. Programs that are
            products of large matrices, one after the other, are given a thread a core:
            more are in one another's way. A step of MiniLM took 1.15 times as long on
            two cores with eight threads as with two, one of an LSTM twice as long on
            one core. Several virtual devices have eight threads each in any case.
    """
    found = DEVICES.findall(os.environ.get("XLA_FLAGS", ""))
    devices = max(1, int(found[-1])) if found else 1
    threads = THREADS * devices
    if devices == 1 and not batched_lapack:
        threads = _cores()
    os.environ.setdefault("PJRT_NPROC", str(threads))
    threadpool_limits(limits=1, user_api="blas")


def _cores() -> int:
    """Those that this process may run on, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare_process(*, x64: bool = True) -> None:
    """Share the CPU, choose the float width, and keep compiled programs.

    Programs are kept in `JAX_COMPILATION_CACHE_DIR`, or in the user's cache folder, so
    that a second start of a sweep compiles nothing.
    """
    share_cpu()
    jax.config.update("jax_enable_x64", x64)
    if jax.config.values["jax_compilation_cache_dir"] is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "information-transfer" / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
    # Programs that compile in no time as well: there are many of them.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
