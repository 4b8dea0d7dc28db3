"""A claim on a study: contrasts over the seeds of one Dataset."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from paper_checks.judge.measurement import Family, mean_with_interval
from paper_checks.judge.stated import Evidence, Stated
from paper_checks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class StudyClaim(Stated):
    """A claim on what a study measured.

    Attributes:
        study: Runs the study, or reads it from its store; where data is missing, it
            returns the evidence that says so.
        judged: What the data say for and against the claim.
    """

    study: Callable[[Settings], Any]
    judged: Callable[[Any], Evidence]

    def gather(self, settings: Settings) -> Evidence:
        """Judge the study's data."""
        found = self.study(settings)
        return found if isinstance(found, Evidence) else self.judged(found)


def family(
    values: Mapping[str, ArrayLike], *, comparisons: int | None = None, **options: float
) -> Family:
    """Means over seeds, whose intervals hold together with 95 % (Bonferroni).

    Args:
        values: By quantity, one value per seed.
        comparisons: How many intervals hold together; those given if `None`.
        options: Of `mean_with_interval`.
    """
    count = len(values) if comparisons is None else comparisons
    confidence = 1 - 0.05 / count
    return Family(
        mean_with_interval(name, one, confidence=confidence, **options)
        for name, one in values.items()
    )


def listed(values: Iterable[float], nothing: str = "none") -> str:
    """Numbers in a row, as sentences list them."""
    return ", ".join(f"{value:g}" for value in np.asarray(list(values))) or nothing
