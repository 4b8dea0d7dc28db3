"""Files from a mirror of a data folder: resumed, checked, and there whole or not."""

import errno
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

import tyro

from paper_checks.data.manifest import MANIFEST, file_digest, read_entries

SCHEMES = ("http", "https")
BLOCK = 1 << 16
FULL = (errno.ENOSPC, errno.EDQUOT)


def download(
    url: str, path: Path, sha256: str | None, *, timeout: float = 30.0
) -> Path:
    """Fetch one file; go on where an earlier attempt stopped.

    What has arrived is kept in `path` with `.part` behind it. The file gets its name
    once it has the checksum; with another one what arrived is deleted. If that had been
    gone on with, its first part may be of another version: it is fetched once more,
    from the start. A file that is there with the right checksum is not fetched again.

    Args:
        url: Of `http` or `https`.
        path: Where to put it; folders are made.
        sha256: Its checksum; `None` if it is not known, which is never resumed.
        timeout: Seconds without a byte after which it is given up.

    Raises:
        ConnectionError: The server cannot be reached or stopped sending; the message
            says how to do without. What has arrived is kept.
        OSError: It cannot be written.
        ValueError: Another scheme, the server does not have it, or a wrong checksum.
    """
    if urllib.parse.urlsplit(url).scheme not in SCHEMES:
        raise ValueError(f"{url}: only {' and '.join(SCHEMES)} are fetched")
    if sha256 is not None and path.is_file() and file_digest(path) == sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    if sha256 is None:
        part.unlink(missing_ok=True)
    old = part.exists()
    _fetch(url, part, path, timeout)
    found = file_digest(part)
    if old and found != sha256:
        part.unlink()
        _fetch(url, part, path, timeout)
        found = file_digest(part)
    if sha256 not in (None, found):
        size = part.stat().st_size
        part.unlink()
        raise ValueError(
            f"{url} ({size} bytes) has SHA-256 {found}, wanted {sha256}: the file "
            "there is another, or was damaged on the way; nothing was kept, try again"
        )
    os.replace(part, path)
    return path


def download_folder(
    mirror: str, folder: Path, report: Callable[[str], None], *, timeout: float = 30.0
) -> list[Path]:
    """Fetch the manifest of a mirror, unless the folder has one, and all it lists.

    Raises:
        OSError, ValueError: As `download`; also a manifest that is none, or
            that would write outside of the folder.
    """
    base = mirror if mirror.endswith("/") else f"{mirror}/"
    manifest = folder / MANIFEST
    if not manifest.is_file():
        report(MANIFEST)
        _fetch_manifest(base + MANIFEST, manifest, timeout)
    fetched = []
    for entry in read_entries(folder):
        report(entry.file)
        url = urllib.parse.urljoin(base, urllib.parse.quote(entry.file))
        fetched.append(download(url, entry.path, entry.sha256, timeout=timeout))
    return fetched


def _fetch_manifest(url: str, manifest: Path, timeout: float) -> None:
    """A page that says something else must not stay there as the manifest."""
    download(url, manifest, None, timeout=timeout)
    try:
        read_entries(manifest.parent)
    except ValueError as error:
        manifest.unlink()
        raise ValueError(
            f"{url} is no manifest of a data folder, and was not kept: {error}"
        ) from error


def _fetch(url: str, part: Path, path: Path, timeout: float) -> None:
    """Append what is missing to `part`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            # A server that knows no ranges answers 200 with the whole file.
            resumed = answer.status == HTTPStatus.PARTIAL_CONTENT
            with part.open("ab" if resumed else "wb") as file:
                while block := answer.read(BLOCK):
                    file.write(block)
            if answer.length:
                raise ConnectionError(f"{answer.length} bytes did not arrive")
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return  # nothing is missing; the checksum says whether that is so
        raise ValueError(f"{url}: the server answers {error.code}: {error}") from error
    except (OSError, HTTPException) as error:
        # The network's errors are of no file.
        if isinstance(error, OSError) and (error.filename or error.errno in FULL):
            raise OSError(f"{part} cannot be written: {error}") from error
        reason = getattr(error, "reason", error)
        raise ConnectionError(
            f"{url} cannot be fetched ({reason}): is there a network? Try again, which "
            f"goes on where this stopped, or put the file at {path} by hand"
        ) from error


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Fetch a data folder from a mirror that is laid out as its manifest says.

    Args:
        mirror: Address of the folder that holds manifest.json.
        folder: Where to put the files.
    """

    mirror: str
    folder: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    program = "python -m paper_checks.data.download"
    asked = tyro.cli(Arguments, prog=program, args=arguments)
    try:
        download_folder(asked.mirror, asked.folder, print)
    except (ValueError, OSError) as error:
        print(f"download: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
