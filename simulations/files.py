"""Files and folders that appear whole or not at all, and JSON without NaN."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; the file takes the place of `path` after the block.

    The path has the name of `path`, in a hidden folder beside it. If the block or the
    exchange fails, whatever was at `path` stays and nothing else is left. A kill may
    leave the hidden folder.

    Args:
        path: Of the file; its folder must exist.

    Raises:
        OSError: It cannot be written.
    """
    # A new file has the mode that the umask gives; one of `mkstemp` has not.
    with _beside(path) as beside:
        yield beside / path.name
        os.replace(beside / path.name, path)


@contextmanager
def replace_folder(path: Path, *, must_be_new: bool = False) -> Iterator[Path]:
    """Give a path to make a folder at; it takes the place of `path` after the block.

    If the block or the exchange fails, whatever was at `path` is there again.

    Args:
        path: Of the folder; the folders above it are made.
        must_be_new: Never replace what is at `path`.

    Raises:
        OSError: It cannot be written; or something is at `path` and it must be new.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as beside:
        new, old = beside / "new", beside / "old"
        yield new
        if path.exists() and not must_be_new:
            path.rename(old)
        try:
            new.rename(path)
        finally:
            if old.exists() and not path.exists():
                old.rename(path)


def write_whole(path: Path, text: str) -> None:
    """Write text in UTF-8, whole or not at all; the folder of `path` must exist.

    Raises:
        OSError: It cannot be written.
    """
    with replace_file(path) as new:
        new.write_text(text, encoding="utf-8")


def write_json(path: Path, plain: Mapping[str, Any], indent: int | None = None) -> None:
    """Write JSON, whole or not at all, and make its folders; NaN becomes null.

    Raises:
        OSError: It cannot be written.
        ValueError: It holds an infinity.
    """
    text = json.dumps(no_nan(plain), allow_nan=False, indent=indent)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "\n")


def no_nan(value: Any, *, infinity_as_text: bool = False) -> Any:
    """JSON has no NaN; it becomes null, which NumPy reads as NaN.

    Args:
        value: Plain values or numbers of NumPy and jax, also nested ones.
        infinity_as_text: Infinities become `"inf"` and `"-inf"`; else they stay.
    """
    if isinstance(value, Mapping):
        return {
            name: no_nan(entry, infinity_as_text=infinity_as_text)
            for name, entry in value.items()
        }
    if isinstance(value, list | tuple):
        return [no_nan(entry, infinity_as_text=infinity_as_text) for entry in value]
    if hasattr(value, "item"):
        return no_nan(value.item(), infinity_as_text=infinity_as_text)
    if isinstance(value, float):
        if value != value:
            return None
        if infinity_as_text and value in (float("inf"), float("-inf")):
            return str(value)
    return value


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, types, shapes and bytes, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        total.update(values.tobytes())
    return total.hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A hidden folder on the same file system, removed after the block."""
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", dir=path.parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
