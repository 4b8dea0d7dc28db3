"""Sweeps on Dask workers: real processes on loopback, some of them killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

dask = pytest.importorskip("dask", reason="the extra `cluster` is not installed")
distributed = pytest.importorskip("distributed")

from simulations.engine.cluster import Cluster, ClusterError  # noqa: E402
from simulations.engine.in_memory import in_memory  # noqa: E402
from simulations.engine.local_cluster import connected, started  # noqa: E402
from simulations.engine.program import Sizes  # noqa: E402
from simulations.engine.run import Choices, load_columns, run_cells  # noqa: E402
from simulations.engine.store_files import open_store  # noqa: E402
from tests.simulations.engine.toy import Toy  # noqa: E402

ROOT = Path(__file__).parents[3]
SMALL = Choices(sizes=Sizes(4, 8))
# dask itself warns of its own use of asyncio and of sockets that a killed process had.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("default"),
]


def check(store, spec):
    found, data = load_columns(store, spec.study()), in_memory(spec.study())
    assert all(np.array_equal(found[name], data[name]) for name in found)


class Watched(Cluster):
    """A cluster that is told to do something when some chunks are done."""

    def __init__(self, cluster: Cluster, after: int, act):
        super().__init__(cluster._client)
        self.chunks: list[int] = []
        self._after, self._act = after, act

    def compute(self, store, study, chunks, told):
        def watched(chunk):
            told(chunk)
            self.chunks.append(chunk)
            if len(self.chunks) == self._after:
                self._act()

        super().compute(store, study, chunks, watched)


def pids(cluster: Cluster) -> list[int]:
    found: Any = cluster._client.run(os.getpid)
    return list(found.values())


def test_a_killed_worker_loses_and_doubles_no_cell(tmp_path):
    spec, path = Toy(repeats=100, slow=0.02), tmp_path / "toy.cells"
    with started(2) as cluster:
        victim, other = pids(cluster)
        assert other != victim != os.getpid()
        watched = Watched(cluster, 10, lambda: os.kill(victim, signal.SIGKILL))
        store = run_cells(spec.study(), path, watched, SMALL)
        assert sorted(watched.chunks) == list(range(store.layout.chunks))
        assert victim not in pids(cluster), "it was not killed"
        check(store, replace(spec, slow=1e-9))
        # The same workers go on when axes have grown.
        big = replace(spec, repeats=110, slow=0.02)
        again = Watched(cluster, -1, None)
        grown = run_cells(big.study(), path, again, replace(SMALL, extend=True))
        assert min(again.chunks) == store.layout.chunks
        check(grown, replace(big, slow=1e-9))


def test_a_worker_out_of_memory_loses_its_chunk_alone_and_says_so(tmp_path):
    spec, path = Toy(counts=(1, 2), repeats=8, hungry=2), tmp_path / "toy.cells"
    once = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(once),
        started(1, memory=9e8) as cluster,
        pytest.raises(ClusterError, match=r"given up: .*memory.*resume .*toy"),
    ):
        run_cells(spec.study(), path, cluster, SMALL)
    store = open_store(path)
    hungry = {c for c in range(4) if 2 in store.points(c).values["count"]}
    assert 0 < len(hungry) < 4
    assert set(store.missing()) == hungry, "a chunk that fits was lost"
    check(run_cells(spec.study(), path, None, SMALL), spec)


def test_a_run_without_workers_ends_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("simulations.engine.cluster.FIRST_WORKER", 1.0)
    monkeypatch.setattr("simulations.engine.cluster.ASK", 0.2)
    spec, path = Toy(repeats=150, slow=0.02), tmp_path / "toy.cells"
    with started(1) as cluster:
        workers: Any = cluster._client.cluster
        gone = Watched(cluster, 2, lambda: workers.scale(0))
        with pytest.raises(ClusterError, match=r"no worker for 1 s.*resume .*toy"):
            run_cells(spec.study(), path, gone, SMALL)
    assert len(open_store(path).done()) >= 2


@contextmanager
def scheduler(folder: Path):
    """A scheduler and a worker of it, as one starts them by hand."""
    file = folder / "scheduler.json"
    dask_command = shutil.which("dask", path=str(Path(sys.executable).parent))
    assert dask_command
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    commands = [
        *(["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],),
        *(["worker", "--host", "127.0.0.1", "--nthreads", "2", "--no-dashboard"],),
    ]
    running = [
        subprocess.Popen(
            [dask_command, *command, "--scheduler-file", str(file)],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        until = time.monotonic() + 60
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.05)
        yield distributed.Client(scheduler_file=str(file)), running
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_a_scheduler_that_dies_is_named_and_what_is_done_is_kept(tmp_path):
    spec, path = Toy(repeats=150, slow=0.02), tmp_path / "toy.cells"
    with scheduler(tmp_path) as (client, (process, _)):
        address = client.scheduler.address
        watched = Watched(Cluster(client), 10, process.kill)
        start = time.monotonic()
        with pytest.raises(ClusterError, match=r"tcp://127.*is gone.*resume .*toy"):
            run_cells(spec.study(), path, watched, SMALL)
        assert time.monotonic() - start < 60
        threading.Thread(target=client.close, daemon=True).start()
    done = open_store(path).done()
    assert 10 <= len(done) < 112
    check(run_cells(spec.study(), path, None, SMALL), replace(spec, slow=1e-9))
    with pytest.raises(ClusterError, match="no scheduler answers"), connected(address):
        pass


def test_traffic_is_encrypted_where_dask_is_told_to(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=loopback", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    tls = {"distributed.comm.tls.ca-file": str(certificate)}
    for side in ("scheduler", "worker", "client"):
        tls[f"distributed.comm.tls.{side}.key"] = str(key)
        tls[f"distributed.comm.tls.{side}.cert"] = str(certificate)
    with dask.config.set(tls), started(1) as cluster:
        assert cluster._address.startswith("tls://127.0.0.1:")
        spec = Toy(repeats=8)
        check(run_cells(spec.study(), tmp_path / "toy.cells", cluster, SMALL), spec)


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(workers):
    with pytest.raises(ValueError, match="at least 1"), started(workers):
        pass
