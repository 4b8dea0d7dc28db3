"""Sweeps as the engine runs them: axes, cells, and the function of one batch."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key, UInt32

from simulations import provenance

Kind = Literal["whole", "real"]
Numbers = Int[np.ndarray, " n"] | Float[np.ndarray, " n"]
# One leading axis, the cells.
Columns = Mapping[str, Any]
Kernel = Callable[[Key[Array, " n"], Columns], Columns]


@dataclass(frozen=True)
class Axis:
    """One axis of a sweep.

    Args:
        name: Of the axis in the Dataset.
        values: Finite numbers, each once; `range(n)` for 0, ..., n − 1.
        field: Of the spec that holds them, or holds their number.
        drawn: Cells that differ here are independent draws. Where they are not, they
            share their normals: points of a curve are then paired.

    Raises:
        ValueError: No values, one of them twice, or one that is not a finite number.
    """

    name: str
    values: tuple[Any, ...] | range
    field: str
    drawn: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be an axis."""
        if len(self.values) == 0:
            raise ValueError(f"axis {self.name!r} is empty: give {self.field} a value")
        if isinstance(self.values, range):
            if self.values != range(len(self.values)):
                raise ValueError(f"a range must be 0, 1, ..., got {self.values}")
            return
        for value in self.values:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                raise ValueError(
                    f"axis {self.name!r} has the value {value!r}: {self.field} takes "
                    "finite numbers"
                )
        seen = set[float]()
        for value in self.values:
            if value in seen:
                raise ValueError(
                    f"axis {self.name!r} has {value!r} twice: {self.field} takes each "
                    "value once"
                )
            seen.add(value)
        words = self.kind == "real" or all(0 <= value < 2**32 for value in self.values)
        if self.drawn and not words:
            raise ValueError(
                f"axis {self.name!r} enters the cells' keys: {self.field} takes whole "
                "numbers from 0 to 2**32 - 1"
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def kind(self) -> Kind:
        """Whether all values are whole numbers by their type."""
        whole = isinstance(self.values, range) or all(
            isinstance(value, int) for value in self.values
        )
        return "whole" if whole else "real"

    def at(self, places: Int[np.ndarray, " n"]) -> Numbers:
        """Values at these places, 64-bit."""
        if isinstance(self.values, range):
            return places.astype(np.int64)
        kind = np.int64 if self.kind == "whole" else np.float64
        return np.asarray(self.values, kind)[places]

    def words(self, places: Int[np.ndarray, " n"]) -> UInt32[np.ndarray, "n w"]:
        """What a value at these places adds to a cell's key, wherever it stands.

        A whole number is one word, itself; a real one is the two halves of its bits.
        """
        values = self.at(places)
        if self.kind == "whole":
            return values.astype(np.uint32)[:, None]
        # +0.0 makes -0.0, which is the same value, 0.0.
        bits = (values + 0.0).view(np.uint64)
        halves = [bits >> np.uint64(32), bits & np.uint64(0xFFFFFFFF)]
        return np.stack(halves, axis=1).astype(np.uint32)


class Points(NamedTuple):
    """Cells: words of their keys, and their values by axis."""

    words: UInt32[np.ndarray, "n w"]
    values: dict[str, np.ndarray]


def points_of(axes: Sequence[Axis], places: Int[np.ndarray, "axis n"]) -> Points:
    """Cells at these places, one row of places an axis."""
    pairs = list(zip(axes, places, strict=True))
    words = [axis.words(place) for axis, place in pairs if axis.drawn]
    none = np.zeros((places.shape[1], 0), np.uint32)
    return Points(
        np.concatenate([none, *words], axis=1),
        {axis.name: axis.at(place) for axis, place in pairs},
    )


def first_points(axes: Sequence[Axis], count: int) -> Points:
    """The first cells, the last of them repeated if there are too few."""
    lengths = [len(axis) for axis in axes]
    cells = int(np.prod(lengths, dtype=object))
    index = np.minimum(np.arange(count), cells - 1)
    return points_of(axes, np.stack(np.unravel_index(index, lengths)))


@dataclass(frozen=True)
class Study:
    """A spec as the engine sees it: cells, and how a batch of them is computed.

    The cell at places `(i_1, ..., i_a)` of the axes has the key `key(seed)` folded with
    the words of its values on the drawn axes, one after the other. With `repeat` the
    only drawn axis this is `fold_in(key(seed), repeat)`. A key depends on values and
    not on places or on the lengths of axes, so that it stays when axes grow.

    Args:
        spec: The frozen dataclass, with a field `seed`.
        axes: In the order of the Dataset.
        kernel: Takes keys and the values on every axis, both with a leading axis of
            cells, to columns with that axis. A cell must not depend on the others, and
            the function on no field of the spec that is an axis, nor on its seed.
        assemble: Makes the Dataset of the whole sweep from the columns, whose leading
            axis has become the axes of the sweep.
        batch: Cells of one call of the kernel; found from memory if not given.
        compiled: Whether the kernel can be jitted and spread over devices. If not it
            is called as it is, on one device.
    """

    spec: Any
    axes: tuple[Axis, ...]
    kernel: Kernel
    assemble: Callable[[Mapping[str, Any]], xr.Dataset]
    batch: int | None = None
    compiled: bool = True

    def __post_init__(self) -> None:
        """Refuse what has no cells or no seed."""
        names = [axis.name for axis in self.axes]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a sweep needs axes of different names, got {names}")
        if not isinstance(getattr(self.spec, "seed", None), int):
            raise ValueError(f"spec {type(self.spec).__name__} has no field seed")

    @property
    def experiment(self) -> str:
        """Name of the spec's class."""
        return type(self.spec).__name__

    @property
    def spec_text(self) -> str:
        """The spec as JSON."""
        return provenance.spec_json(self.spec)

    @property
    def fixed(self) -> dict[str, Any]:
        """Fields of the spec that are not axes, as JSON gives them back."""
        values = json.loads(self.spec_text)
        grown = {axis.field for axis in self.axes}
        return {name: value for name, value in values.items() if name not in grown}

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(np.prod([len(axis) for axis in self.axes], dtype=object))

    @cached_property
    def shapes(self) -> dict[str, jax.ShapeDtypeStruct]:
        """Shape and type of each column for one cell."""
        # Finding them calls a kernel that is not compiled: with as many cells as the
        # sweep will, or its parts would be compiled for another number as well.
        count = 1 if self.compiled else self.batch or 1
        points = {axis.name: axis.at(np.zeros(count, int)) for axis in self.axes}
        keys = jax.random.split(jax.random.key(0), count)
        if self.compiled:
            found = jax.eval_shape(self.kernel, keys, jax.tree.map(jnp.asarray, points))
        else:
            found = jax.tree.map(np.asarray, self.kernel(keys, points))
        return {
            name: jax.ShapeDtypeStruct(column.shape[1:], column.dtype)
            for name, column in found.items()
        }


@runtime_checkable
class Spec(Protocol):
    """A frozen dataclass of axes that the engine can run."""

    @property
    def seed(self) -> int:
        """Of every draw."""
        ...

    def study(self) -> Study:
        """Axes and kernel."""
        ...


def cell_keys(seed: Key[Array, ""], words: UInt32[Array, "n w"]) -> Key[Array, " n"]:
    """Keys of cells: `seed` folded with their words, one after the other."""

    def one(row: UInt32[Array, " w"]) -> Key[Array, ""]:
        key = seed
        for word in row:
            key = jax.random.fold_in(key, word)
        return key

    return jax.vmap(one)(words)
