"""Files that are there whole or not at all, and JSON that has no NaN."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_whole(path: Path, text: str) -> None:
    """Write text in UTF-8; what was at `path` stays if that fails.

    Raises:
        OSError: It cannot be written; its folder must be there.
    """
    # In a folder of its own a new file has the mode that the umask gives, which one
    # of `mkstemp` has not, and is gone with the folder if anything fails.
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", dir=path.parent
    ) as beside:
        new = Path(beside, path.name)
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)


def write_json(path: Path, plain: Mapping[str, Any], indent: int | None = None) -> None:
    """Write JSON whole or not at all, and the folders that it is in; NaN is null.

    Raises:
        OSError: It cannot be written.
        ValueError: It holds an infinity.
    """
    text = json.dumps(no_nan(plain), allow_nan=False, indent=indent)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "\n")


def no_nan(value: Any) -> Any:
    """JSON has no NaN; it becomes null, which NumPy reads as NaN."""
    if isinstance(value, Mapping):
        return {name: no_nan(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [no_nan(entry) for entry in value]
    return None if isinstance(value, float) and value != value else value
