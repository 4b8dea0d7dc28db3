"""What the specs of the studies of Theorem 2 share: fields that are checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

Spec = TypeVar("Spec", bound="CheckedSpec")


@dataclass(frozen=True, kw_only=True)
class CheckedSpec:
    """A spec that is refused where a field cannot be drawn.

    Attributes:
        LEAST: Smallest values of numbers.
        ENDS: What the two ends of a range must lie above, and at most at.
        QUICK: Fields of the quick profile.
        seed: Of everything that is drawn.
    """

    LEAST: ClassVar[Mapping[str, float]] = {}
    ENDS: ClassVar[Mapping[str, tuple[float, float]]] = {}
    QUICK: ClassVar[Mapping[str, Any]] = {}
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn, before anything is."""
        for name, least in self.LEAST.items():
            if not least <= (value := getattr(self, name)) < np.inf:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        for name, (least, most) in self.ENDS.items():
            low, high = getattr(self, name)
            if not least < low < high <= most:
                raise ValueError(
                    f"{name} must have {least} < low < high <= {most:g}, got "
                    f"{low:g} and {high:g}"
                )

    @classmethod
    def quick(cls: type[Spec]) -> Spec:
        """The quick profile."""
        return cls(**cls.QUICK)
