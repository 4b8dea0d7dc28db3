"""Which cells a chunk holds: boxes of places, one for each growth of an axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

# [low, high) of places on every axis.
Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Layout:
    """Cells in boxes, boxes in chunks of `size` cells; each box begins a new chunk.

    A cell of a box has the row-major number of its places within the box. Growth adds
    boxes, so that no chunk that is there changes what it holds.

    Args:
        boxes: Disjoint; together all cells.
        size: Cells of a chunk; the last one of a box may hold fewer.
    """

    boxes: tuple[Box, ...]
    size: int

    def __post_init__(self) -> None:
        """Refuse what holds nothing."""
        if self.size < 1 or not self.boxes:
            raise ValueError(f"a layout needs boxes and a size >= 1, got {self.size}")

    @property
    def cells(self) -> int:
        """Number of cells."""
        return sum(map(_volume, self.boxes))

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return sum(self._chunks_of(box) for box in self.boxes)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(max(box[a][1] for box in self.boxes) for a in range(self.rank))

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.boxes[0])

    def count(self, chunk: int) -> int:
        """Cells of a chunk."""
        box, start = self._find(chunk)
        return min(self.size, _volume(box) - start)

    def places(self, chunk: int) -> Int[np.ndarray, "axis n"]:
        """Places of a chunk's cells, one row an axis."""
        box, start = self._find(chunk)
        count = min(self.size, _volume(box) - start)
        lengths = [high - low for low, high in box]
        inside = np.stack(np.unravel_index(np.arange(start, start + count), lengths))
        inside += np.array([[low] for low, _ in box])
        return inside

    def index(self, places: Int[np.ndarray, "axis n"]) -> Int[np.ndarray, " n"]:
        """Where cells are in the arrays, `size` times the chunk plus the rest; or −1.

        A place below 0 is none of a cell.
        """
        found = np.full(places.shape[1], -1)
        start = 0
        for box in self.boxes:
            low, high = np.array(box).T[:, :, None]
            inside = np.all((places >= low) & (places < high), axis=0)
            lengths = (high - low)[:, 0]
            rest = np.ravel_multi_index(tuple((places - low)[:, inside]), lengths)
            found[inside] = start + rest
            start += self._chunks_of(box) * self.size
        return found

    def grown(self, lengths: Sequence[int]) -> "Layout":
        """The layout with boxes for what longer axes add.

        A new cell belongs to the first axis on which its place is new: axes before it
        are as they were, those after it as they are now.
        """
        old = self.lengths
        added = []
        for a, (was, now) in enumerate(zip(old, lengths, strict=True)):
            if now > was:
                before = [(0, n) for n in old[:a]]
                after = [(0, n) for n in lengths[a + 1 :]]
                added.append((*before, (was, now), *after))
        return Layout((*self.boxes, *added), self.size)

    def _chunks_of(self, box: Box) -> int:
        return -(-_volume(box) // self.size)

    def _find(self, chunk: int) -> tuple[Box, int]:
        """Box of a chunk, and the number within it of the chunk's first cell."""
        left = chunk
        for box in self.boxes:
            if 0 <= left < self._chunks_of(box):
                return box, left * self.size
            left -= self._chunks_of(box)
        raise ValueError(f"there are {self.chunks} chunks, and none is {chunk}")


def whole(lengths: Sequence[int], size: int) -> Layout:
    """One box of all cells."""
    return Layout((tuple((0, length) for length in lengths),), size)


def _volume(box: Box) -> int:
    return math.prod(high - low for low, high in box)
