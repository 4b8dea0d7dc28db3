"""Weights and batches over devices and machines: copies, or pieces over a mesh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from paper_checks.bert.batches import HostBatch
from paper_checks.bert.encoder import Tokens
from paper_checks.bert.model import Batch

COPIES, PIECES = "copies", "pieces"
# Below this many entries a piece would cost more to gather than it saves.
LEAST = 2**12


@dataclass(frozen=True)
class Layout:
    """A mesh of `copies x pieces` devices.

    Each weight and its moments are cut into `pieces`, gathered where a block needs
    them (as FSDP and ZeRO-3 do), and there are `copies` of the whole. Rows of a batch
    are shared out over all devices.
    """

    mesh: Mesh | AbstractMesh
    least: int = LEAST

    @property
    def devices(self) -> int:
        """How many there are."""
        return self.mesh.size

    @property
    def pieces(self) -> int:
        """Into how many pieces a weight is cut."""
        return self.mesh.shape[PIECES]

    def whole(self) -> NamedSharding:
        """A copy on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def weights(self, tree: PyTree) -> PyTree:
        """Where each array of a tree lies."""
        return jax.tree.map(lambda leaf: self.of_weight(np.shape(leaf)), tree)

    def of_weight(self, shape: tuple[int, ...]) -> NamedSharding:
        """Cut the longest axis that `pieces` divides; copy where there is none.

        The leading axis of three is never cut: it counts blocks or tasks, and each is
        used by itself.
        """
        count = int(np.prod(shape))
        axes = range(1 if len(shape) > 2 else 0, len(shape))
        fit = [axis for axis in axes if shape[axis] % self.pieces == 0]
        if self.pieces == 1 or not fit or count < self.least:
            return self.whole()
        cut = max(fit, key=lambda axis: shape[axis])
        spec = [PIECES if axis == cut else None for axis in range(len(shape))]
        return NamedSharding(self.mesh, PartitionSpec(*spec))

    def rows(self) -> NamedSharding:
        """Rows of a batch, shared out over all devices."""
        return NamedSharding(self.mesh, PartitionSpec((COPIES, PIECES)))

    def put(self, batch: HostBatch) -> Batch:
        """A batch on the devices; every process gives the whole of it."""

        def shared(values: np.ndarray) -> Array:
            return jax.make_array_from_callback(
                values.shape, self.rows(), lambda index: values[index]
            )

        number = np.int32(batch.task)
        return Batch(
            tokens=Tokens(*map(shared, batch[:3])),
            labels=shared(batch.labels),
            seen=shared(batch.seen),
            task=jax.make_array_from_callback((), self.whole(), lambda _: number),
        )


def new_layout(
    pieces: int = 1, devices: Sequence[Any] | None = None, least: int = LEAST
) -> Layout:
    """Arrange devices.

    Args:
        pieces: Into how many each weight is cut; it divides the number of devices.
        devices: All devices of all processes if not given.
        least: Arrays of fewer entries are copied.

    Raises:
        ValueError: `pieces` does not divide the number of devices.
    """
    found = list(jax.devices() if devices is None else devices)
    if pieces < 1 or len(found) % pieces:
        raise ValueError(f"pieces must divide the {len(found)} devices, got {pieces}")
    grid = np.array(found).reshape(-1, pieces)
    return Layout(Mesh(grid, (COPIES, PIECES)), least)


def check_batch(layout: Layout, rows: int) -> None:
    """Refuse a batch whose rows cannot be shared out evenly.

    Raises:
        ValueError: With the nearest batches that can.
    """
    if rows < 1 or rows % layout.devices:
        low = rows // layout.devices * layout.devices
        near = [one for one in (low, low + layout.devices) if one > 0]
        raise ValueError(
            f"batch {rows} cannot be shared out over {layout.devices} devices; "
            f"{' or '.join(map(str, near))} can"
        )


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Other machines of one run, each with a process and devices of its own.

    Every process runs the same command.

    Args:
        coordinator: `host:port` of process 0, or `auto` on Slurm and TPU pods, where
            jax finds the others by itself; not given for a single process.
        processes: How many there are.
        process: Number of this one, from 0.
    """

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    def join(self) -> int:
        """Join the other processes, before jax is first used; this one's number.

        Raises:
            ValueError: Some of the three are missing, or the number is out of range.
        """
        count, number = self.processes, self.process
        if self.coordinator is None:
            if count is not None or number is not None:
                raise ValueError("processes and process need coordinator, host:port")
            return 0
        if self.coordinator == "auto":
            jax.distributed.initialize()
            return jax.process_index()
        if ":" not in self.coordinator or count is None or number is None:
            raise ValueError(
                "coordinator must be host:port, with processes and process; got "
                f"{self.coordinator!r}, {count} and {number}"
            )
        if not 0 <= number < count:
            raise ValueError(f"process must be in 0 to {count - 1}, got {number}")
        jax.distributed.initialize(self.coordinator, count, number)
        return jax.process_index()
