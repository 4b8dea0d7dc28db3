"""Downloads from a server on this machine: resumed, checked, whole or not at all."""

import errno
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paper_checks.data.download import download, download_folder, main
from tests.paper_checks.data.test_folder import Folder

CONTENT = bytes(range(256)) * 40
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Mirror:
    """Files to serve, what was asked for, and how the server misbehaves."""

    def __init__(self) -> None:
        self.files = {"/a.bin": CONTENT}
        self.asked: list[tuple[str, str | None]] = []
        self.ranges = True
        self.stop_after: int | None = None
        self.url = ""


def handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            span = self.headers.get("Range")
            mirror.asked.append((self.path, span))
            content = mirror.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = 0
            if span and mirror.ranges:
                start = int(span.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            rest = content[start:]
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: mirror.stop_after])

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    found = Mirror()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(found)) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_stopped_goes_on(mirror: Mirror, tmp_path: Path, ranges: bool):
    path = tmp_path / "new" / "a.bin"
    mirror.ranges, mirror.stop_after = ranges, 3000
    with pytest.raises(ConnectionError, match=r"7240 bytes did not arrive.*by hand"):
        download(f"{mirror.url}/a.bin", path, DIGEST)
    assert not path.exists()
    mirror.stop_after = None
    assert download(f"{mirror.url}/a.bin", path, DIGEST).read_bytes() == CONTENT
    assert mirror.asked == [("/a.bin", None), ("/a.bin", "bytes=3000-")]
    assert [one.name for one in path.parent.iterdir()] == ["a.bin"]
    download(f"{mirror.url}/a.bin", path, DIGEST)  # there: not asked for again
    assert len(mirror.asked) == 2


def test_a_wrong_checksum_leaves_nothing(mirror: Mirror, tmp_path: Path):
    (tmp_path / "a.bin").write_bytes(b"what was there")
    with pytest.raises(ValueError, match=r"has SHA-256 .* nothing was kept"):
        download(f"{mirror.url}/a.bin", tmp_path / "a.bin", "0" * 64)
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"what was there"


def test_what_is_not_there_is_told(mirror: Mirror, tmp_path: Path):
    with pytest.raises(ValueError, match="the server answers 404"):
        download(f"{mirror.url}/b.bin", tmp_path / "b.bin", DIGEST)
    with pytest.raises(ValueError, match="only http and https"):
        download("file:///etc/hostname", tmp_path / "b.bin", DIGEST)


def test_without_a_network_it_says_so(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a.bin"
    with pytest.raises(ConnectionError, match=r"is there a network\?.*by hand"):
        download(url, tmp_path / "a.bin", DIGEST, timeout=2.0)


def test_a_disk_that_cannot_be_written_is_no_missing_network(
    mirror: Mirror, tmp_path: Path, monkeypatch
):
    (tmp_path / "a.bin.part").mkdir()
    with pytest.raises(OSError, match=r"a\.bin\.part cannot be written"):
        download(f"{mirror.url}/a.bin", tmp_path / "a.bin", DIGEST)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match=r"b\.bin\.part cannot be written: .* space"):
        download(f"{mirror.url}/a.bin", tmp_path / "b.bin", DIGEST)


def test_a_folder_is_fetched_by_its_manifest(mirror: Mirror, tmp_path: Path, capsys):
    made = Folder(tmp_path / "made")
    made.path.mkdir()
    made.add("one", "a.bin", CONTENT, rows=1)
    mirror.files["/data/manifest.json"] = (made.path / "manifest.json").read_bytes()
    mirror.files["/data/a.bin"] = CONTENT
    got = tmp_path / "got"
    arguments = ["--mirror", f"{mirror.url}/data", "--folder", str(got)]
    assert main(arguments) == 0
    assert (got / "a.bin").read_bytes() == CONTENT
    assert capsys.readouterr().out.split() == ["manifest.json", "a.bin"]
    mirror.files["/data/a.bin"] = b"other"
    download_folder(f"{mirror.url}/data", got, print)  # there already
    (got / "a.bin").unlink()
    assert main(arguments) == 2
    assert "SHA-256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("length", "whole"),
    [(0, True), *((n, False) for n in (3000, len(CONTENT), 2 * len(CONTENT)))],
)
def test_a_whole_part_is_kept_and_one_of_another_version_fetched_again(
    mirror: Mirror, tmp_path: Path, length: int, whole: bool
):
    (tmp_path / "a.bin.part").write_bytes(CONTENT if whole else b"?" * length)
    path = download(f"{mirror.url}/a.bin", tmp_path / "a.bin", DIGEST)
    assert path.read_bytes() == CONTENT
    had = len(CONTENT) if whole else length
    again = [] if whole else [("/a.bin", None)]
    assert mirror.asked == [("/a.bin", f"bytes={had}-"), *again]
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]


def test_files_of_one_name_and_split_are_all_fetched(mirror: Mirror, tmp_path: Path):
    made = Folder(tmp_path)
    for file in ("a.bin", "b.bin"):
        made.add("digits", file, CONTENT, rows=1)
    mirror.files["/b.bin"] = CONTENT
    mirror.files["/manifest.json"] = (tmp_path / "manifest.json").read_bytes()
    got = download_folder(mirror.url, tmp_path / "got", lambda _: None)
    assert [path.name for path in got] == ["a.bin", "b.bin"]


def test_a_page_that_is_no_manifest_is_not_kept(mirror: Mirror, tmp_path: Path):
    mirror.files["/manifest.json"] = b"<html>Please log in</html>"
    message = r"http://\S+/manifest\.json is no manifest .* not kept: .* not JSON"
    with pytest.raises(ValueError, match=message):
        download_folder(mirror.url, tmp_path / "got", lambda _: None)
    assert not list((tmp_path / "got").iterdir())


@pytest.mark.parametrize("file", ["../a.bin", "/tmp/a.bin", ".", "a/..", ""])
def test_a_manifest_cannot_write_outside_of_the_folder(
    mirror: Mirror, tmp_path: Path, file: str
):
    made = Folder(tmp_path)
    made.add("one", "a.bin", CONTENT, rows=1)
    made.entries[0]["file"] = file
    mirror.files["/manifest.json"] = json.dumps({"files": made.entries}).encode()
    with pytest.raises(ValueError, match="lies outside"):
        download_folder(mirror.url, tmp_path / "got", lambda _: None)
    assert not list((tmp_path / "got").iterdir())
    assert not (tmp_path / "got.part").exists()
