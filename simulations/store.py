"""Datasets with units and provenance, and Zarr stores of them, whole or not at all."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from simulations import provenance
from simulations.files import checksum, replace_folder

# What `save` writes. A store that asks for another codec is not ours, and one of
# them, pickle, would run code that the store brings along.
CODECS = frozenset({"blosc", "zstd", "zlib", "vlen-utf8"})
# Axes, values, what it is, its units.
Entry = tuple[str | tuple[str, ...], ArrayLike, str, str]


class StoredRun(NamedTuple):
    """Data of a spec, and one sentence on where it came from."""

    data: xr.Dataset
    reused: bool
    message: str


def save(data: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a Dataset to a Zarr store (format 2) at `path`, replacing one of ours.

    An error or a kill leaves what was there before. A digest of all values is saved
    with them: `load` notices a lost or damaged chunk.

    Raises:
        ValueError: The Dataset lacks `provenance.attributes`, or has a variable of
            Python objects.
        OSError: Something else is at `path`, or it cannot be written.
    """
    path = Path(path)
    for name in ("experiment", "spec"):
        if name not in data.attrs:
            raise ValueError(f"the Dataset for {path} has no attribute {name!r}")
    for name, variable in data.variables.items():
        if variable.dtype.hasobject:
            raise ValueError(f"variable {name!r} for {path} holds Python objects")
    _refuse_foreign(path)
    written = data.assign_attrs(digest=digest(data))
    try:
        with replace_folder(path) as new:
            written.to_zarr(new, mode="w-", zarr_format=2, consolidated=True)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error}") from error
    return path


def load(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a store of `save` into memory.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no store of ours, or is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no store at {path}")
    metadata = _metadata(path)
    try:
        _check_codecs(metadata)
        data = xr.load_dataset(path, engine="zarr", zarr_format=2, consolidated=True)
    except Exception as error:
        # zarr and the codecs raise many kinds of exception on damaged files.
        raise ValueError(f"{path} cannot be read, delete it: {error!r}") from error
    saved = data.attrs.pop("digest", None)
    if saved != digest(data):
        raise ValueError(
            f"{path} is damaged: its values are not those that were saved; delete it"
        )
    return data


def load_or_run(
    spec: Any,
    run: Callable[[Any], xr.Dataset],
    path: str | os.PathLike[str],
    *,
    difference: Literal["refuse", "rewrite"] = "refuse",
) -> StoredRun:
    """Reuse the store at `path` if it is of this spec and our version; else run.

    A study of several experiments that was cut short therefore goes on with the
    first that has not finished. Versions of jax and NumPy are not compared: they
    are in the attributes.

    Args:
        spec: The spec asked for.
        run: Gives the data of a spec.
        path: Of the store.
        difference: What happens to a store of another spec, experiment or version.

    Raises:
        ValueError: There is such a store and it is to be kept, or a damaged one.
        OSError: `path` is something else, or cannot be written.
    """
    path = Path(path)
    _refuse_foreign(path)
    found = _difference(path, spec) if path.exists() else "there was none"
    if not found:
        return StoredRun(load(path), True, f"{path}: reused, it is of this very spec")
    if path.exists() and difference == "refuse":
        raise ValueError(
            f"{path} holds another run ({found}): rewrite it, delete it or name "
            "another folder"
        )
    data = run(spec)
    save(data, path)
    return StoredRun(data, False, f"{path}: written ({found})")


def digest(data: xr.Dataset) -> str:
    """SHA-256 of the names, types, shapes and bytes of all variables."""
    return checksum({str(name): data[name].values for name in data.variables})


def _difference(path: Path, spec: Any) -> str:
    """What in the store at `path` is not as asked for; empty if nothing is."""
    attrs = _metadata(path)[".zattrs"]
    if attrs["experiment"] != type(spec).__name__:
        return f"experiment {attrs['experiment']}, asked for {type(spec).__name__}"
    if attrs.get("version") != provenance.our_version():
        return f"version {attrs.get('version')}, now {provenance.our_version()}"
    old = json.loads(attrs["spec"])
    new = json.loads(provenance.spec_json(spec))
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return "; ".join(f"{n} {old.get(n)}, asked for {new.get(n)}" for n in changed)


def _refuse_foreign(path: Path) -> None:
    if path.exists() or path.is_symlink():
        try:
            _metadata(path)
        except ValueError as error:
            raise OSError(f"{error}; it is left as it is") from None


def _metadata(path: Path) -> dict[str, Any]:
    """Consolidated metadata, by file name.

    Raises:
        ValueError: There is none, or it is not of a store of `save`.
    """
    try:
        found = json.loads((path / ".zmetadata").read_text())["metadata"]
        if {"experiment", "spec", "digest"} <= found[".zattrs"].keys():
            return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(f"{path} is not a store of this project")


def _check_codecs(metadata: dict[str, Any]) -> None:
    for name, entry in metadata.items():
        if name.endswith(".zarray"):
            codecs = [entry["compressor"], *(entry["filters"] or [])]
            for codec in codecs:
                if codec is not None and codec["id"] not in CODECS:
                    raise ValueError(f"{name} asks for codec {codec['id']!r}")
            if np.dtype(entry["dtype"]).hasobject and not entry["filters"]:
                raise ValueError(f"{name} holds Python objects")


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
