"""Axes of a sweep: numbers along which its cells lie, each of them once."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, UInt32

Kind = Literal["whole", "real"]
Numbers = Int[np.ndarray, " n"] | Float[np.ndarray, " n"]


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
