"""Cells by value, as a kernel takes them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt32

from simulations.engine.axes import Axis


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
