"""What a search for a statement's worst instance met."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Worst(NamedTuple):
    """An instance, by its latent, the key of its draw, and what was dropped."""

    latent: Mapping[str, np.ndarray]
    key: np.ndarray
    ratio: float
    broken: bool
    dropped: str | None


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search met.

    Attributes:
        kind: How it looked.
        examined: Instances looked at.
        feasible: Those that meet every hypothesis; only these count below.
        broken: Those on which the conclusion fails.
        useful: Those on which the right side is below the baseline.
        worst: The feasible instance with the largest ratio; none if none is feasible.
    """

    kind: str
    examined: int
    feasible: int
    broken: int
    useful: int
    worst: Worst | None
