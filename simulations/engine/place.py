"""Where chunks are computed: here, on all devices, while another thread writes."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from simulations.engine.cell_store import CellStore
from simulations.engine.program import ChunkProgram, Sizes, measure_sizes
from simulations.engine.study import Study
from simulations.provenance import origin

# Told the number of each chunk that is on disk.
Told = Callable[[int], None]


@runtime_checkable
class Place(Protocol):
    """What a run needs of the machines that it runs on."""

    def origin(self, study: Study) -> dict[str, Any]:
        """Versions and platform of what computes."""
        ...

    def sizes(self, study: Study) -> Sizes:
        """Sizes for a new store."""
        ...

    def compute(
        self, store: CellStore, study: Study, chunks: Sequence[int], told: Told
    ) -> None:
        """Compute chunks and write them."""
        ...


class Here:
    """All devices of this process."""

    def origin(self, study: Study) -> dict[str, Any]:
        """Versions and platform of this process."""
        return origin(type(study.spec).__module__)

    def sizes(self, study: Study) -> Sizes:
        """Sizes for a new store."""
        return measure_sizes(study, jax.devices())

    def compute(
        self, store: CellStore, study: Study, chunks: Sequence[int], told: Told
    ) -> None:
        """Compute chunks, each while the one before it is written.

        What is computed is written also when an error or Ctrl-C, which reaches this
        thread alone, ends the run.
        """
        program = ChunkProgram(study, store.batch, jax.devices())

        def write(chunk: int, columns: Mapping[str, np.ndarray]) -> None:
            store.write(chunk, columns)
            told(chunk)

        with ThreadPoolExecutor(1) as writer:
            written: Future[None] | None = None
            for chunk in chunks:
                columns = program(store.points(chunk))
                if written is not None:
                    written.result()
                written = writer.submit(write, chunk, columns)
            if written is not None:
                written.result()
