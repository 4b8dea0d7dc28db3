"""What the engine runs: axes, and the function of one batch of cells."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Key, UInt32

from simulations import provenance
from simulations.engine.axes import Axis

# One leading axis, the cells.
Columns = Mapping[str, Any]
Kernel = Callable[[Key[Array, " n"], Columns], Columns]


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
