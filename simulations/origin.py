"""What a store must have in common with a run that goes on with it."""

import ast
import hashlib
import importlib.util
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from simulations import provenance

OURS = ("theory", "simulations")
# The same bits need these to be the same. Others are kept with the store and not
# compared.
COMPARED = (
    *("version", "code", "jax", "jaxlib", "float_bits"),
    *("backend", "device", "machine"),
)


def origin(module: str) -> dict[str, Any]:
    """Versions, float width and platform of this process.

    Args:
        module: Where the spec is defined; `code` is a digest of its source and of all
            of ours that it imports.
    """
    return {
        "version": provenance.our_version(),
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
