"""Where data comes from: spec, seed, versions, code, machine and command."""

import ast
import dataclasses
import datetime
import hashlib
import importlib.util
import json
import platform
import shlex
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import xarray as xr

DISTRIBUTION = "information-transfer"
PACKAGES = ("jax", "jaxlib", "numpy", "xarray", "zarr")
OURS = ("theory", "simulations")
# The same bits need these to be the same. Others are kept with the store and not
# compared.
COMPARED = (
    *("version", "code", "jax", "jaxlib", "float_bits"),
    *("backend", "device", "machine"),
)

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


def origin(module: str) -> dict[str, Any]:
    """Versions, float width and platform of this process.

    Args:
        module: Where the spec is defined; `code` is a digest of its source and of all
            of ours that it imports.
    """
    return {
        "version": our_version(),
        "code": code_digest(module),
        "jax": metadata.version("jax"),
        "jaxlib": metadata.version("jaxlib"),
        "float_bits": int(jnp.finfo(jnp.zeros(0).dtype).bits),
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def differences(stored: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not the same, in words."""
    return [
        f"{name} {_short(stored.get(name))}, now {_short(now.get(name))}"
        for name in COMPARED
        if stored.get(name) != now.get(name)
    ]


@cache
def code_digest(module: str) -> str:
    """SHA-256 of the sources of a module and of what it imports of `OURS`.

    Other modules may change without a store being refused.
    """
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name) if name not in found else None
        if path is not None:
            found[name] = path.read_bytes()
            waiting += [other for other in _imports(found[name]) if other not in found]
    total = hashlib.sha256()
    for name in sorted(found):
        total.update(f"{name} {len(found[name])}\n".encode() + found[name])
    return total.hexdigest()


def _source(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def _imports(source: bytes) -> set[str]:
    """Names of modules of ours; also of what may be a function of one."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
            names.add(node.module)
    return {name for name in names if name.split(".")[0] in OURS}


def _short(value: Any) -> Any:
    return value[:12] if isinstance(value, str) and len(value) == 64 else value
