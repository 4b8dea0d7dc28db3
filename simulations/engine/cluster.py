"""Chunks on the machines of a Dask scheduler; they travel as numbers."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import distributed
import jax

from simulations.engine.cell_store import CellStore, resume_command
from simulations.engine.place import Told
from simulations.engine.process import prepare_process
from simulations.engine.program import ChunkProgram, Sizes, measure_sizes
from simulations.engine.store_files import open_store
from simulations.engine.study import Spec, Study
from simulations.provenance import differences, origin

# Chunks under way a thread of a worker: one is computed and one waits.
AHEAD = 2
# How often a chunk is tried after an error, or after a scheduler forgot it.
RETRIES = 2
# Seconds without the scheduler, and seconds to wait for the first worker.
PATIENCE = 10.0
FIRST_WORKER = 120.0
POLL = 0.01
# Seconds after which the number of workers is asked for again.
ASK = 5.0

# One chunk a process at a time, while another thread writes: see `ChunkProgram`.
_COMPUTING = threading.Lock()


class ClusterError(RuntimeError):
    """Workers or the scheduler were lost; the text says what is kept."""


class Cluster:
    """The workers of a scheduler, one process a device.

    A worker opens the store by its path, which all machines must see, and writes its
    chunks there itself: what travels is the spec and the chunk's number.

    Args:
        client: Connected to the scheduler.
    """

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self._x64 = bool(jax.config.values["jax_enable_x64"])
        try:
            client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError:
            raise ClusterError(
                f"no worker joined {self._address} within {FIRST_WORKER:.0f} s"
            ) from None

    @property
    def _address(self) -> str:
        scheduler = self._client.scheduler
        return "the scheduler" if scheduler is None else str(scheduler.address)

    def origin(self, study: Study) -> dict[str, Any]:
        """Versions and platform of the workers, which must be alike."""
        module = type(study.spec).__module__
        found: Any = self._client.run(worker_origin, module, self._x64)
        (address, first), *others = found.items()
        for other, values in others:
            changed = differences(first, values)
            if changed:
                raise ValueError(
                    f"worker {other} is unlike {address}: {'; '.join(changed)}"
                )
        return first

    def sizes(self, study: Study) -> Sizes:
        """Sizes for a new store, measured by a worker."""
        task = self._client.submit(
            worker_sizes, study.spec, self._x64, pure=False, retries=RETRIES
        )
        try:
            return task.result()
        except distributed.KilledWorker as error:
            raise ClusterError(f"trial batches killed their workers: {error}") from None

    def compute(
        self, store: CellStore, study: Study, chunks: Sequence[int], told: Told
    ) -> None:
        """Have chunks computed and written; the others go on when one cannot be.

        Raises:
            ClusterError: The scheduler is gone, or chunks killed their workers.
            ValueError: A worker has other versions, or does not see the store.
        """
        flow = _Flow(deque(chunks))
        alive = time.monotonic()
        try:
            while flow.unfinished():
                alive = self._check(alive, store)
                self._submit(store, study, flow)
                self._check_workers(flow, store)
                finished = [future for future in flow.running if future.done()]
                for future in finished:
                    if flow.take(future):
                        told(flow.running.pop(future))
                if not finished:
                    time.sleep(POLL)
        finally:
            if self._client.status == "running":
                self._client.cancel(list(flow.running))
        if flow.given_up:
            raise ClusterError(
                f"{store.path}: chunks {sorted(flow.given_up)[:10]} were given up: the "
                "workers that had them died, of memory perhaps. All others are done; "
                "give workers more memory and go on with: "
                f"{resume_command(store.path)}"
            )

    def _submit(self, store: CellStore, study: Study, flow: "_Flow") -> None:
        if self._client.status != "running":
            return
        if time.monotonic() - flow.asked > ASK:
            flow.asked = time.monotonic()
            threads: Any = self._client.nthreads()
            flow.window = AHEAD * max(1, sum(threads.values()))
            flow.staffed = flow.asked if threads else flow.staffed
        while (chunk := flow.next_chunk()) is not None:
            future = self._client.submit(
                *(compute_chunk, study.spec, str(store.path.resolve()), store.token),
                *(chunk, self._x64),
                pure=False,
                retries=RETRIES,
            )
            flow.running[future] = chunk

    def _check_workers(self, flow: "_Flow", store: CellStore) -> None:
        if flow.asked - flow.staffed > FIRST_WORKER:
            raise ClusterError(
                f"{self._address} has had no worker for {FIRST_WORKER:.0f} s. Finished "
                "chunks are kept; start workers and go on with: "
                f"{resume_command(store.path)}"
            )

    def _check(self, alive: float, store: CellStore) -> float:
        """When the scheduler was last there."""
        now = time.monotonic()
        if self._client.status == "running":
            return now
        if now - alive > PATIENCE or self._client.status == "closed":
            raise ClusterError(
                f"{self._address} is gone. Finished chunks are kept; start a scheduler "
                f"and go on with: {resume_command(store.path)}"
            )
        return alive


@dataclass
class _Flow:
    """Chunks that wait, that are under way, and that were given up.

    A worker that dies takes with it all chunks that it held, whichever of them is to
    blame. Each of these is tried once more when all others are done, and alone.
    """

    waiting: deque[int]
    running: dict[distributed.Future, int] = field(default_factory=dict)
    suspected: deque[int] = field(default_factory=deque)
    alone: bool = False
    given_up: list[int] = field(default_factory=list)
    forgotten: Counter[int] = field(default_factory=Counter)
    window: int = AHEAD
    asked: float = -math.inf
    staffed: float = field(default_factory=time.monotonic)

    def unfinished(self) -> bool:
        """Whether a chunk is under way or is still to be tried."""
        return bool(self.waiting or self.suspected or self.running)

    def next_chunk(self) -> int | None:
        """The chunk to submit now, or none while enough of them are under way."""
        if self.waiting and not self.alone:
            return self.waiting.popleft() if len(self.running) < self.window else None
        if self.running:
            return None
        self.alone = bool(self.suspected)
        left = self.suspected or self.waiting
        return left.popleft() if left else None

    def take(self, future: distributed.Future) -> bool:
        """Whether its chunk is done; if not it is given up or waits again.

        Raises:
            Exception: That of the chunk.
        """
        killed = future.status == "error" and isinstance(
            future.exception(), distributed.KilledWorker
        )
        if not killed and future.status not in ("cancelled", "lost"):
            future.result()
            return True
        chunk = self.running.pop(future)
        if killed:
            (self.given_up if self.alone else self.suspected).append(chunk)
            return False
        self.forgotten[chunk] += 1
        again = self.forgotten[chunk] <= RETRIES
        (self.waiting if again else self.given_up).append(chunk)
        return False


def compute_chunk(spec: Spec, path: str, token: str, chunk: int, x64: bool) -> None:
    """Compute and write one chunk, in a worker."""
    prepare_process(x64=x64)
    store, program = _opened(spec, path, token)
    points = store.points(chunk)
    with _COMPUTING:
        columns = program(points)
    store.write(chunk, columns)


def worker_origin(module: str, x64: bool) -> dict[str, Any]:
    """Versions and platform of a worker."""
    prepare_process(x64=x64)
    return origin(module)


def worker_sizes(spec: Spec, x64: bool) -> Sizes:
    """Sizes for a new store, in a worker."""
    prepare_process(x64=x64)
    with _COMPUTING:
        return measure_sizes(spec.study(), jax.devices())


@lru_cache(maxsize=4)
def _opened(spec: Spec, path: str, token: str) -> tuple[CellStore, ChunkProgram]:
    """Open a store once a process, as long as its chunks mean the same."""
    try:
        store = open_store(Path(path))
    except FileNotFoundError:
        raise ValueError(
            f"a worker does not see {path}: use a folder that all machines share"
        ) from None
    study = spec.study()
    if store.token != token:
        raise ValueError(f"{path} is not the store that it was when the run began")
    here = origin(type(spec).__module__)
    changed = differences(store.attributes["origins"][-1], here)
    if changed:
        raise ValueError(f"a worker is unlike the others: {'; '.join(changed)}")
    return store, ChunkProgram(study, store.batch, jax.devices())
