"""Where chunks are computed: here, on all devices of the process."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import jax

from simulations.engine.cell_store import CellStore
from simulations.engine.program import ChunkProgram
from simulations.engine.sizes import Sizes, measure_sizes
from simulations.engine.study import Study
from simulations.engine.writer import Writer
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
        """Compute chunks, each while the one before it is written."""
        program = ChunkProgram(study, store.batch, jax.devices())
        with Writer(store, told) as writer:
            for chunk in chunks:
                writer.put(chunk, program(store.points(chunk)))
