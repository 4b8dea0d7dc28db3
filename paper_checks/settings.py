"""What a run of the ledger was asked for."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Profile = Literal["quick", "full"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Passed to every claim; nothing else decides what is measured.

    Stores older than `started` are made anew if `fresh`: once, as claims share them.
    """

    profile: Profile = "quick"
    seed: int = 0
    results: Path = Path("results")
    data: Path | None = None
    fresh: bool = False
    started: float = field(default_factory=time.time, compare=False)

    def __post_init__(self) -> None:
        """Refuse a seed that NumPy and jax cannot both take."""
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be in [0, 2**32), got {self.seed}")

    def scaled(self, quick: int, full: int) -> int:
        """A number of instances for the profile."""
        return quick if self.profile == "quick" else full
