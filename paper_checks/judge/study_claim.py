"""A claim on a study: contrasts over the seeds of one Dataset."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
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
        lacking: What the folder of data lacks for the study, "a folder with school";
            empty if nothing. A claim that may lack something has a headline for
            `needs data`, such as "Needs {missing}".
    """

    study: Callable[[Settings], Any]
    judged: Callable[[Any], Evidence]
    lacking: Callable[[Settings], str] = lambda _: ""

    def gather(self, settings: Settings) -> Evidence:
        """Judge the study's data, unless a folder of data is lacking."""
        lacking = self.lacking(settings)
        if lacking:
            how = "It is measured by: make verify DATA=/path/to/folder."
            return Evidence(missing=lacking, data="none", details=(how,))
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

    Raises:
        ValueError: There is no comparison.
    """
    count = len(values) if comparisons is None else comparisons
    if count < 1:
        raise ValueError(f"a family needs at least one comparison, got {count}")
    confidence = 1 - 0.05 / count
    return Family(
        mean_with_interval(name, one, confidence=confidence, **options)
        for name, one in values.items()
    )


def means(
    quantity: str,
    values: xr.DataArray,
    *,
    comparisons: int | None = None,
    repeat: str = "repeat",
    **options: float,
) -> Family:
    """Means over repeats in every cell of a study, in the order of its axes.

    The intervals hold together with 95 % (Bonferroni).

    Args:
        quantity: What is measured, with its unit, and coordinates of the cell by name:
            "gain at {angle:g} degrees".
        values: Over any axes and `repeat`.
        comparisons: How many intervals hold together; the cells if `None`.
        repeat: Name of the axis of seeds.
        options: Of `mean_with_interval`.

    Raises:
        ValueError: Two cells have one quantity.
        CheckError: The repeats of a cell do not differ, or are not finite.
    """
    axes = [name for name in values.dims if name != repeat]
    found: dict[str, ArrayLike] = {}
    for place in np.ndindex(*(values.sizes[name] for name in axes)):
        cell = values[dict(zip(axes, place, strict=True))]
        at = {str(k): v.item() for k, v in cell.coords.items() if v.ndim == 0}
        name = quantity.format(**at)
        if name in found:
            raise ValueError(f"quantity: '{quantity}' is '{name}' in two cells")
        found[name] = cell.values
    return family(found, comparisons=comparisons, **options)


def listed(values: Iterable[Any], nothing: str = "none") -> str:
    """Numbers in a row, as sentences list them."""
    return ", ".join(f"{value:g}" for value in values) or nothing
