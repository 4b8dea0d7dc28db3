"""A way around a deadlock of jax on CPUs with few cores."""

import os

# More than the batched LAPACK calls that one program has in flight.
THREADS = 8


def avoid_deadlock() -> None:
    """Give jax's CPU client more threads than cores, unless told otherwise.

    jaxlib 0.10 runs each batched LAPACK call (eigh, qr, ...) by splitting it over its
    worker threads and waiting inside one of them. Two independent calls in flight on
    a machine of two cores can take both workers to wait, for ever: a program of two
    batched qr and an eigh hung in 3 of 6 runs, and in none of 12 with eight threads.
    Call this before jax is first used; afterwards it has no effect.
    """
    os.environ.setdefault("PJRT_NPROC", str(THREADS))
