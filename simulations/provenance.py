"""Where a Dataset comes from: its spec, seed, versions, machine and command."""

import dataclasses
import datetime
import json
import platform
import shlex
import sys
from importlib import metadata
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import xarray as xr

DISTRIBUTION = "information-transfer"
PACKAGES = ("jax", "jaxlib", "numpy", "xarray", "zarr")

Spec = TypeVar("Spec")


def attributes(spec: Any) -> dict[str, Any]:
    """Attributes of a Dataset that `spec` alone, on such a machine, gives again.

    Args:
        spec: A frozen dataclass of numbers, strings and tuples of them; its field
            `seed`, if any, is repeated by itself.

    Raises:
        ValueError: The spec is not such a dataclass.
    """
    found = {
        "experiment": type(spec).__name__,
        "spec": spec_json(spec),
        "version": our_version(),
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in PACKAGES},
        "float_bits": jnp.finfo(jnp.zeros(0).dtype).bits,
        "platform": platform.platform(),
        "device": jax.devices()[0].device_kind,
        "command": shlex.join(sys.orig_argv),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return found | ({"seed": spec.seed} if hasattr(spec, "seed") else {})


def our_version() -> str:
    """Version of this distribution; a bare checkout has none."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "not installed"


def spec_json(spec: Any) -> str:
    """Write a spec as JSON with sorted keys: equal specs give equal text.

    Raises:
        ValueError: The spec is not a dataclass of JSON's types.
    """
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type):
        raise ValueError(f"a spec must be a dataclass, got {spec!r}")
    try:
        return json.dumps(dataclasses.asdict(spec), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        name = type(spec).__name__
        raise ValueError(f"spec {name} cannot be written as JSON: {error}") from None


def read_spec(data: xr.Dataset, kind: type[Spec]) -> Spec:
    """Make the spec that a Dataset was run with.

    Raises:
        ValueError: The Dataset is of another experiment, or its spec does not fit.
    """
    found = data.attrs.get("experiment")
    if found != kind.__name__:
        raise ValueError(f"the data is of experiment {found!r}, not {kind.__name__!r}")
    values = json.loads(data.attrs["spec"])
    try:
        return kind(**{name: _tuples(value) for name, value in values.items()})
    except TypeError as error:
        raise ValueError(f"the saved spec is no {kind.__name__}: {error}") from None


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
