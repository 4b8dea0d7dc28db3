"""The list of a data folder's files: what they hold, their checksums and sources."""

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

MANIFEST = "manifest.json"
Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a data folder, as its manifest describes it."""

    folder: Path
    file: str  # relative to the folder
    name: str
    split: str
    rows: int
    sha256: str
    licence: str
    source: str
    tasks: int | None
    features: int | None
    target_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()  # of labels 0, 1, ...; a text set has them

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.folder / self.file

    def read_bytes(self) -> bytes:
        """The file's bytes, once they have the checksum of the manifest.

        Raises:
            FileNotFoundError: The file is not there; the message says where it
                comes from.
            ValueError: It cannot be read, or its checksum is another.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.path} is missing: it holds '{self.name}' ({self.split}) and "
                f"comes from {self.source}"
            ) from None
        except OSError as error:
            raise ValueError(f"{self.path} cannot be read: {error}") from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ValueError(
                f"{self.path} ({len(content)} bytes) has SHA-256 {found}, and "
                f"{MANIFEST} says {self.sha256}: the file is truncated or changed; "
                f"get it again from {self.source}"
            )
        return content

    def read_lines(self) -> list[str]:
        """The lines of a gzipped UTF-8 text file, split at line feeds only.

        Raises:
            FileNotFoundError: As `read_bytes`.
            ValueError: As `read_bytes`; also a gzip stream that is broken or cut
                short, or bytes that are not UTF-8. The message names the file.
        """
        try:
            text = gzip.decompress(self.read_bytes()).decode("utf-8")
        except EOFError:
            raise ValueError(
                f"{self.path} is truncated: its gzip stream ends early"
            ) from (None)
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{self.path} is not a gzip file: {error}") from error
        except UnicodeDecodeError as error:
            line = 1 + error.object[: error.start].count(b"\n")
            raise ValueError(f"{self.path}, line {line}: not UTF-8: {error}") from error
        return text.split("\n")

    def read_rows(self, parse: Callable[[str, str], Row]) -> list[Row]:
        """What `parse` makes of each line and of the words that say where it is.

        Raises:
            FileNotFoundError: As `read_bytes`.
            ValueError: As `read_lines`; also another number of rows than the manifest
                says.
        """
        lines = self.read_lines()
        if lines and not lines[-1]:
            lines.pop()
        found = [
            parse(line, f"{self.path}, line {number}")
            for number, line in enumerate(lines, start=1)
        ]
        if len(found) != self.rows:
            raise ValueError(
                f"{self.path} has {len(found)} rows, and {MANIFEST} says {self.rows}"
            )
        return found

    def read_arrays(self, *names: str) -> list[np.ndarray]:
        """Some arrays of an `npz` archive; nothing is unpickled.

        Raises:
            FileNotFoundError: As `read_bytes`.
            ValueError: As `read_bytes`; also no archive, a damaged one, one without
                these arrays, or arrays of Python objects. The message names the file.
        """
        content = self.read_bytes()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return [arrays[name] for name in names]
        # numpy lets many types through on a damaged archive (zlib.error, TokenError,
        # BadZipFile, TypeError, ...), and documents few of them.
        except Exception as error:
            listed = " and ".join(repr(name) for name in names)
            raise ValueError(
                f"{self.path} is no archive of {listed}, or is damaged: "
                f"{type(error).__name__}: {error}"
            ) from error


def read_manifest(folder: Path) -> Mapping[tuple[str, str], Entry]:
    """The entries of a folder's manifest, by name and split.

    Of two files of one name and split the last counts.

    Raises:
        FileNotFoundError, ValueError: As `read_entries`.
    """
    return {(entry.name, entry.split): entry for entry in read_entries(folder)}


def listed_entry(folder: Path, name: str, split: str, hint: str = "") -> Entry:
    """The entry of one file.

    Raises:
        FileNotFoundError: As `read_entries`.
        ValueError: As `read_entries`; or the manifest does not list it, with a hint
            where to get it.
    """
    entry = read_manifest(folder).get((name, split))
    if entry is None:
        raise ValueError(f"{folder / MANIFEST} does not list {name} ({split}){hint}")
    return entry


def read_entries(folder: Path) -> tuple[Entry, ...]:
    """All files that a folder's manifest lists, in its order.

    Raises:
        FileNotFoundError: No such folder, or it has no manifest.
        ValueError: The manifest is not JSON, an entry lacks a field or has a bad one,
            or a file would lie outside of the folder.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not a folder: give one that holds {MANIFEST} and the files "
            "it lists, or none to use scikit-learn's bundled sets"
        )
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {MANIFEST}, so it lists no data")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno}: not JSON: {error.msg}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    listed = content.get("files") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError(f"{path}: 'files' must be a list of files")
    return tuple(_entry(folder, index, fields) for index, fields in enumerate(listed))


def manifest_digest(folder: Path) -> str:
    """SHA-256 of a folder's manifest, which has the checksums of all of its files.

    A spec that has it is that of this data: a store of other files is not its own.
    """
    return file_digest(folder / MANIFEST)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, which may be larger than the memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(folder: Path, index: int, fields: Any) -> Entry:
    where = f"{folder / MANIFEST}, file {index}"
    if not isinstance(fields, dict):
        raise ValueError(f"{where}: must be an object, got {fields!r}")
    try:
        origin = fields["source"]
        entry = Entry(
            folder=folder,
            file=str(fields["file"]),
            name=str(fields["name"]),
            split=str(fields.get("split", "all")),
            rows=int(fields.get("rows", 0)),
            sha256=_sha256(fields["sha256"]),
            licence=str(fields["licence"]),
            source=_origin(origin),
            tasks=_count(fields, "tasks"),
            features=_count(fields, "features"),
            target_names=_target_names(fields),
            class_names=_class_names(fields),
        )
    except KeyError as error:
        raise ValueError(f"{where} ({fields.get('file')}): no field {error}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} ({fields.get('file')}): {error}") from error
    _refuse_path(entry, where)
    return entry


def _refuse_path(entry: Entry, where: str) -> None:
    """A manifest must not reach outside its folder, nor overwrite itself.

    The folder's own path is outside: what is fetched lies beside it for a while.
    """
    path, folder = entry.path.resolve(), entry.folder.resolve()
    if folder not in path.parents:
        raise ValueError(f"{where}: {entry.file!r} lies outside of {entry.folder}")
    if path == folder / MANIFEST:
        raise ValueError(f"{where}: {entry.file!r} is the manifest itself")


def _count(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is not None and (type(value) is not int or value < 0):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return value


def _sha256(value: Any) -> str:
    digest = str(value).lower()
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, got {value!r}")
    return digest


def _origin(source: Any) -> str:
    if not isinstance(source, dict):
        raise TypeError(f"source must be an object, got {source!r}")
    paths = ", ".join(str(path) for path in source.get("paths", []))
    commit = str(source.get("commit", ""))[:10]
    return f"{source['repo']} @ {commit}: {paths}"


def _target_names(fields: dict[str, Any]) -> tuple[str, ...]:
    names = fields.get("target_names", fields.get("label_names", ()))
    # Classes of a text set are an object of names; they are no tasks.
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _class_names(fields: dict[str, Any]) -> tuple[str, ...]:
    names = fields.get("label_names", ())
    if not isinstance(names, dict):
        return ()
    if sorted(names) != sorted(map(str, range(len(names)))):
        raise ValueError(f"label_names must name 0, 1, ..., got {sorted(names)}")
    return tuple(str(names[str(label)]) for label in range(len(names)))
