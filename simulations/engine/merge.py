"""Stores of one sweep made into one: machines that share no disk, parts of an axis."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from simulations.engine.cell_store import CellStore, sole_run
from simulations.engine.store_files import create, open_store, refuse_other
from simulations.engine.study import Spec, Study
from simulations.provenance import differences

# Chunks of one part that are kept in memory.
KEPT = 4

Columns = dict[str, np.ndarray]


class Merged(NamedTuple):
    """The new store, and how many of its cells came from the parts."""

    store: CellStore
    cells: int


def merge(
    parts: Sequence[Path],
    out: Path,
    spec_of: Callable[[dict[str, Any]], Spec],
    *,
    mixed: bool = False,
) -> Merged:
    """Make a store with the axes of all parts and with the cells that they have.

    A chunk of the new store is filled if the parts have all its cells, checked
    against their checksums; the others are left to `resume`.

    Args:
        parts: Stores that differ in the values of axes alone.
        out: Of the new store; nothing may be there.
        spec_of: Makes the spec of a store's attributes.
        mixed: Allow parts of other versions or platforms than the first one's.

    Raises:
        ValueError: The parts are of different sweeps or origins, or two of them have
            different values for one cell.
        OSError: `out` is there, or cannot be written.
    """
    if not parts:
        raise ValueError("name the stores to merge")
    if out.exists():
        raise OSError(f"{out} is there: name a new folder")
    stores = [open_store(path, write=False) for path in parts]
    spec = reduce(_joined, [spec_of(store.attributes) for store in stores])
    study = spec.study()
    origin = stores[0].attributes["origins"][-1]
    for store in stores:
        refuse_other(store, study)
        changed = differences(origin, store.attributes["origins"][-1])
        if changed and not mixed:
            raise ValueError(
                f"{store.path} is unlike {stores[0].path} ({'; '.join(changed)}): "
                "--mixed merges them all the same"
            )
    chunk = max(store.layout.size for store in stores)
    new = create(out, study, chunk=chunk, batch=stores[0].batch, origin=origin)
    sources = [_Source(store, study) for store in stores]
    with sole_run(out):
        cells = sum(
            _filled(new, number, sources) for number in range(new.layout.chunks)
        )
    return Merged(new, cells)


class _Source:
    """Cells of a part by their places on the axes of the whole."""

    def __init__(self, store: CellStore, study: Study) -> None:
        self._store = store
        self._done = store.done()
        self._kept: dict[int, Columns | None] = {}
        self._mine = []
        for axis, order in zip(study.axes, store.orders(study), strict=True):
            mine = np.full(len(axis), -1)
            mine[order] = np.arange(len(order))
            self._mine.append(mine)

    def take(
        self,
        places: Int[np.ndarray, "axis n"],
        into: Columns,
        had: Bool[np.ndarray, " n"],
    ) -> Bool[np.ndarray, " n"]:
        """Put what it has into the columns; say where."""
        mine = np.stack([m[row] for m, row in zip(self._mine, places, strict=True)])
        index = self._store.layout.index(mine)
        size = self._store.layout.size
        found = np.zeros(len(index), bool)
        for chunk in set((index[index >= 0] // size).tolist()) & self._done:
            columns = self._chunk(chunk)
            if columns is None:
                continue
            here = (index >= 0) & (index // size == chunk)
            inside = index[here] - chunk * size
            for name, values in columns.items():
                both = had[here]
                old, new = into[name][here][both], values[inside][both]
                if not np.array_equal(old, new, equal_nan=new.dtype.kind == "f"):
                    raise ValueError(
                        f"{self._store.path} has other values of {name} than another "
                        "part for the same cells"
                    )
                into[name][here] = values[inside]
            found |= here
        return found

    def _chunk(self, chunk: int) -> Columns | None:
        if chunk not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[chunk] = self._store.read(chunk)
        return self._kept[chunk]


def _filled(new: CellStore, chunk: int, sources: Sequence[_Source]) -> int:
    """Number of cells written: all of the chunk's, or none."""
    places = new.layout.places(chunk)
    count = places.shape[1]
    columns = {
        name: np.zeros((count, *array.shape[1:]), array.dtype)
        for name, array in new.arrays.items()
    }
    had = np.zeros(count, bool)
    for source in sources:
        had |= source.take(places, columns, had)
    if not had.all():
        return 0
    new.write(chunk, columns)
    return count


def _joined(one: Spec, two: Spec) -> Spec:
    """The spec with the values of both on every axis."""
    if type(one) is not type(two):
        raise ValueError(f"{type(one).__name__} and {type(two).__name__} do not merge")
    fields: dict[str, Any] = {}
    for axis in one.study().axes:
        old, new = getattr(one, axis.field), getattr(two, axis.field)
        more = isinstance(old, tuple)
        fields[axis.field] = tuple(dict.fromkeys(old + new)) if more else max(old, new)
    return replace(one, **fields)  # pyright: ignore[reportArgumentType]
