"""One run at a time on a store, by a lock that dies with the process."""

import datetime
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = ".lock"


@contextmanager
def sole_run(store: Path) -> Iterator[None]:
    """Hold the store; the kernel lets go of it when the process ends, even by SIGKILL.

    Over NFS this needs version 4 or a lock daemon, as `flock` always does.

    Raises:
        ValueError: Another process holds it.
        OSError: The store cannot be written.
    """
    try:
        file = os.open(store / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OSError(f"{store} cannot be written: {error}") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{store} is in use by {_read(file)}: wait for it, or stop it"
            ) from None
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        owner = f"process {os.getpid()} on {socket.gethostname()}, since {now}"
        # The lock holds without the words, which a full disk does not take.
        with suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, owner.encode(), 0)
        yield
    finally:
        os.close(file)


def holder(store: Path) -> str | None:
    """Who runs on the store now; nobody if None. Works on a read-only store."""
    try:
        file = os.open(store / NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(file)
    finally:
        os.close(file)
    return None


def _read(file: int) -> str:
    return os.pread(file, 200, 0).decode(errors="replace") or "another run"
