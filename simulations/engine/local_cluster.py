"""Worker processes on this machine, one a device, on loopback."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import distributed
from dask import config
from distributed.security import Security

from simulations.engine.cluster import Cluster, ClusterError
from simulations.engine.program import free_memory

LOOPBACK = "127.0.0.1"
# One computes, one writes.
THREADS = 2
CONNECT = "10s"
# A nanny starts its worker again, but Dask looks once, this long after a death, and
# then closes a nanny whose worker is not there, as it is where the next one died too.
PATIENT = {"distributed.deploy.lost-worker-timeout": "30 days"}


@contextmanager
def started(workers: int, memory: float | None = None) -> Iterator[Cluster]:
    """Start a scheduler in this process and workers beside it; stop them at the end.

    They listen on loopback alone, and speak TLS if Dask's configuration names
    certificates (`DASK_DISTRIBUTED__COMM__TLS__CA_FILE` and its like).

    Args:
        workers: Number of processes. Each sees one GPU where there are GPUs.
        memory: Bytes of each; an equal share of what is free by default.

    Raises:
        ValueError: Fewer than one, or more than there are GPUs.
    """
    gpus = _gpus()
    if workers < 1 or (gpus and workers > len(gpus)):
        most = f" and at most {len(gpus)}, the GPUs of this machine" if gpus else ""
        raise ValueError(f"--workers must be at least 1{most}, got {workers}")
    security = Security()
    protocol = "tls://" if security.tls_ca_file else "tcp://"
    common = {"host": LOOPBACK, "protocol": protocol, "security": security}
    options = common | {
        "nthreads": THREADS,
        "memory_limit": int(memory or 0.9 * free_memory() / workers),
        "dashboard": False,
        "silence_logs": logging.CRITICAL,
    }
    cards = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus] or [{}] * workers
    with (
        config.set(PATIENT),
        distributed.SpecCluster(
            {
                name: {
                    "cls": distributed.Nanny,
                    "options": options | {"env": cards[name]},
                }
                for name in range(workers)
            },
            {
                "cls": distributed.Scheduler,
                "options": common | {"port": 0, "dashboard": False},
            },
            security=security,
            silence_logs=logging.CRITICAL,  # pyright: ignore[reportArgumentType]
        ) as cluster,
        distributed.Client(cluster, timeout=CONNECT) as client,
    ):
        yield Cluster(client)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Use the workers of a scheduler that is there.

    Raises:
        ClusterError: It does not answer.
    """
    try:
        client = distributed.Client(address, timeout=CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"no scheduler answers at {address}: {error}") from None
    with client:
        yield Cluster(client)


def _gpus() -> list[str]:
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name]
    found = Path("/dev").glob("nvidia[0-9]*")
    return sorted(path.name.removeprefix("nvidia") for path in found)
