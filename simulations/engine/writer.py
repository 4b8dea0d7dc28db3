"""Chunks written by a thread of their own while the next ones are computed."""

import queue
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

import numpy as np

from simulations.engine.cell_store import CellStore

Told = Callable[[int], None]


class Writer:
    """Double buffering: one chunk is being written while one is computed.

    What was handed over is written when the block ends, also when it ends by an error
    or by Ctrl-C, which reaches the main thread alone.

    Args:
        store: Where to.
        told: Called with the number of a chunk when it is on disk.
    """

    def __init__(self, store: CellStore, told: Told) -> None:
        self._store, self._told = store, told
        self._waiting = queue.Queue[tuple[int, Mapping[str, np.ndarray]] | None](1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.put(None)
        self._thread.join()
        if error is None:
            self._raise()

    def put(self, chunk: int, columns: Mapping[str, np.ndarray]) -> None:
        """Hand a chunk over; waits while another one is waiting to be written.

        Raises:
            OSError: An earlier chunk could not be written.
        """
        self._raise()
        self._waiting.put((chunk, columns))

    def _work(self) -> None:
        while (entry := self._waiting.get()) is not None:
            # After an error the queue is emptied, so that nobody waits for ever.
            if self._error is None:
                try:
                    self._store.write(*entry)
                    self._told(entry[0])
                except BaseException as error:
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
