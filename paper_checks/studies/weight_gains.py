"""Gains of weights over uniform ones, in the sweep of label noise and on real sets."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from paper_checks.judge import Family, family, means

AXES = {
    "share": "{share:g} of labels random",
    "loudness": "{loudness:g} label sd of noise added",
}
OVER = "relative gain of clean tasks over uniform weights"


class Weighting(NamedTuple):
    """A method and uniform weights on the same labels, as studies name them.

    Scaling labels to unit energy is by itself a weighting of the loss, so uniform
    weights are those of labels of the same scale.
    """

    method: str
    uniform: str
    real_method: str = ""
    real_uniform: str = ""


PRINTED = Weighting("printed", "uniform", "printed", "uniform")
STANDARDISED = Weighting(
    "standardised", "uniform, scaled", "standardised", "uniform_standardised"
)
# No algorithm at all: what scaling the labels does by itself.
SCALING = Weighting("uniform, scaled", "uniform")


class Gains(NamedTuple):
    """Gains at every level of noise, and beyond those of the same draws without it."""

    over_uniform: Family
    beyond_quiet: Family

    @classmethod
    def along(
        cls, sweep: xr.Dataset, weighting: Weighting, axis: str, comparisons: int
    ) -> "Gains":
        """Along one axis of noise; means are paired over repeats."""
        gain = relative(sweep, weighting, axis)
        noisy = gain.sel({axis: sweep[axis].values[sweep[axis].values > 0]})
        extra = noisy - gain.sel({axis: 0.0}, drop=True)
        beyond = f"gain beyond that without noise, {AXES[axis]}"
        return cls(
            means(f"{OVER}, {AXES[axis]}", noisy, comparisons=comparisons),
            means(beyond, extra, comparisons=comparisons),
        )


def relative(sweep: xr.Dataset, weighting: Weighting, axis: str) -> xr.DataArray:
    """Relative fall of the clean tasks' excess risk, by level and repeat."""
    clean = sweep[f"risk_{axis}"].isel(task=np.flatnonzero(~sweep.corrupted.values))
    after, before = (clean.mean("task").sel(scheme=name) for name in weighting[:2])
    return (before - after) / (before + after)


def without_noise(
    sweep: xr.Dataset, weighting: Weighting, comparisons: int
) -> tuple[Family, Family]:
    """The gain without noise, and half of its draws beyond the other half."""
    quiet = relative(sweep, weighting, "share").sel(share=0.0).values
    half = len(quiet) // 2
    halves = {
        "gain of one half beyond the other": quiet[:half] - quiet[half : 2 * half]
    }
    return (
        family({f"{OVER}, 0 of labels random": quiet}, comparisons=comparisons),
        family(halves, comparisons=comparisons),
    )


def on_real_sets(
    sets: Mapping[str, xr.Dataset], weighting: Weighting, comparisons: int
) -> Family:
    """Fall of the mean test error of all tasks; paired over random splits."""
    found = []
    for name, data in sets.items():
        error = data.test_error.mean("task")
        after, before = (error.sel(scheme=scheme) for scheme in weighting[2:])
        training = data.attrs["training_share"]
        quantity = f"{name}: test error, uniform minus weighted "
        quantity += "(label variances, over splits)"
        found += family(
            {quantity: (before - after).values},
            comparisons=comparisons,
            overlap=(1 - training) / training,
        )
    return Family(found)
