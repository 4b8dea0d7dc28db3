"""Cells on disk: Zarr arrays by chunk, each chunk with a checksum written last."""

import datetime
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import zarr

from simulations.engine.layout import Layout
from simulations.engine.study import Axis, Points, Study, points_of
from simulations.files import checksum, write_whole

MARKS, LOCK, OWNER = "done", ".lock", ".owner"


@dataclass(frozen=True)
class CellStore:
    """A folder with one Zarr array (format 2) a column, and a mark for each chunk.

    Chunk `c` is chunk `c` of every array. Its mark, a file with the SHA-256 of its
    values, is written when all of them are on disk: what has no mark, or another
    checksum than its mark, is computed again.

    Args:
        path: Of the folder.
        attributes: As they are on disk.
        arrays: By column.
    """

    path: Path
    attributes: dict[str, Any]
    arrays: dict[str, zarr.Array] = field(repr=False, compare=False)

    @cached_property
    def layout(self) -> Layout:
        """Which cells its chunks hold."""
        boxes = self.attributes["boxes"]
        return Layout(
            tuple(tuple((low, high) for low, high in box) for box in boxes),
            self.attributes["chunk_cells"],
        )

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Axes, whose values are in the order in which they came."""
        return tuple(map(axis_from_json, self.attributes["axes"]))

    @property
    def batch(self) -> int:
        """Cells of one call of the kernel; with another one last bits may differ."""
        return self.attributes["batch"]

    @property
    def token(self) -> str:
        """Differs where a chunk's number may mean other cells."""
        return f"{self.attributes['id']} {len(self.attributes['boxes'])}"

    def done(self) -> set[int]:
        """Numbers of the chunks with a mark."""
        names = (entry.name for entry in os.scandir(self.path / MARKS))
        return {int(name) for name in names if name.isdigit()}

    def missing(self) -> list[int]:
        """Numbers of the chunks without one, in order."""
        done = self.done()
        return [chunk for chunk in range(self.layout.chunks) if chunk not in done]

    def cells_in(self, chunks: set[int]) -> int:
        """Number of cells of these chunks."""
        return sum(map(self.layout.count, chunks))

    def points(self, chunk: int) -> Points:
        """Cells of a chunk, by value."""
        return points_of(self.axes, self.layout.places(chunk))

    def write(self, chunk: int, columns: Mapping[str, np.ndarray]) -> None:
        """Write a chunk whole, its mark last.

        Raises:
            OSError: It cannot be written; then it has no mark.
        """
        size, mark = self.layout.size, self.path / MARKS / str(chunk)
        try:
            mark.unlink(missing_ok=True)
            for name, array in self.arrays.items():
                values = columns[name]
                # A chunk that is written whole is not read first.
                full = np.zeros((size, *values.shape[1:]), array.dtype)
                full[: len(values)] = values
                array[chunk * size : (chunk + 1) * size] = full
            write_whole(mark, checksum(columns))
        except OSError as error:
            raise OSError(
                f"{self.path}: chunk {chunk} cannot be written: {error}. Finished "
                f"chunks are kept; go on with: {resume_command(self.path)}"
            ) from error

    def read(self, chunk: int) -> dict[str, np.ndarray] | None:
        """Columns of a chunk; None if it is not there, or not as it was written."""
        size, count = self.layout.size, self.layout.count(chunk)
        try:
            mark = (self.path / MARKS / str(chunk)).read_text()
            columns = {
                name: np.asarray(array[chunk * size : chunk * size + count])
                for name, array in self.arrays.items()
            }
        except Exception:
            # zarr and the codecs raise many kinds of exception on damaged files.
            return None
        return columns if checksum(columns) == mark else None

    def unmark(self, chunk: int) -> None:
        """Forget a chunk."""
        (self.path / MARKS / str(chunk)).unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what a killed process left half written; nobody else may write."""
        for name in self.arrays:
            for file in (self.path / name).glob("*.partial"):
                file.unlink(missing_ok=True)
        for folder in (self.path / MARKS).glob(".*"):
            shutil.rmtree(folder)

    def orders(self, study: Study) -> list[np.ndarray]:
        """Where the values of each stored axis stand on the study's axis."""
        found = []
        for mine, theirs in zip(self.axes, study.axes, strict=True):
            if isinstance(mine.values, range):
                found.append(np.arange(len(mine)))
                continue
            place = {value: n for n, value in enumerate(theirs.values)}
            found.append(np.array([place[value] for value in mine.values]))
        return found


@contextmanager
def sole_run(store: Path) -> Iterator[None]:
    """Hold the store; the kernel releases it when the process ends, even by SIGKILL.

    Over NFS this needs version 4 or a lock daemon, as `flock` always does.

    Raises:
        ValueError: Another process holds it.
        OSError: The store cannot be written.
    """
    try:
        held = filelock.FileLock(store / LOCK, blocking=False).acquire()
    except filelock.Timeout:
        raise ValueError(
            f"{store} is in use by {_owner(store)}: wait for it, or stop it"
        ) from None
    except OSError as error:
        raise OSError(f"{store} cannot be written: {error}") from error
    with held:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        # The lock holds without the words, which a full disk does not take.
        with suppress(OSError):
            (store / OWNER).write_text(
                f"process {os.getpid()} on {socket.gethostname()}, since {now}"
            )
        yield


def holder(store: Path) -> str | None:
    """Who runs on the store now; None if nobody does.

    Raises:
        OSError: The lock cannot be tried, since the store cannot be written.
    """
    if not (store / LOCK).exists():
        return None
    try:
        with filelock.FileLock(store / LOCK, blocking=False):
            return None
    except filelock.Timeout:
        return _owner(store)


def _owner(store: Path) -> str:
    try:
        return (store / OWNER).read_text(errors="replace") or "another run"
    except OSError:
        return "another run"


def axis_from_json(entry: dict[str, Any]) -> Axis:
    """Axis of an entry of `axis_to_json`."""
    values = range(entry["count"]) if "count" in entry else tuple(entry["values"])
    return Axis(entry["name"], values, entry["field"], entry["drawn"])


def axis_to_json(axis: Axis) -> dict[str, Any]:
    """Entry of an axis in the attributes of a store."""
    entry = {"name": axis.name, "field": axis.field, "drawn": axis.drawn}
    if isinstance(axis.values, range):
        return entry | {"count": len(axis.values)}
    return entry | {"values": list(axis.values)}


def resume_command(path: Path) -> str:
    """What to type to go on."""
    return f"python -m simulations resume {path}"
