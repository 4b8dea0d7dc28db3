"""Datasets whose variables say what they are, in which units, and from which spec."""

from collections.abc import Mapping
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike

from simulations import provenance

# Axes, values, what it is, its units.
Entry = tuple[str | tuple[str, ...], ArrayLike, str, str]


def dataset(
    spec: Any, variables: Mapping[str, Entry], coordinates: Mapping[str, Entry]
) -> xr.Dataset:
    """Join variables and coordinates, with the provenance of the run.

    Args:
        spec: The frozen dataclass that was run.
        variables: By name.
        coordinates: By name.
    """
    return xr.Dataset(
        {name: _variable(*entry) for name, entry in variables.items()},
        {name: _variable(*entry) for name, entry in coordinates.items()},
        provenance.attributes(spec),
    )


def _variable(
    axes: str | tuple[str, ...], values: ArrayLike, long_name: str, units: str
) -> xr.Variable:
    return xr.Variable(axes, values, {"long_name": long_name, "units": units})
