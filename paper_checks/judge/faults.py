"""A fault of somebody's claim in one line: where it is, and what it is."""

import traceback
from pathlib import Path

MOST = 300  # characters of a message


def told(error: BaseException, folder: Path | None) -> str:
    """What went wrong, after the last line of a file of this folder that led there.

    `ValueError`, `OSError` and faults of checks say it themselves; other errors are
    named by their type.
    """
    first = (str(error).strip().splitlines() or [""])[0][:MOST]
    own = isinstance(error, ValueError | OSError | RuntimeError)
    what = first if own and first else f"{type(error).__name__}: {first}"
    if folder is None:
        return what
    home = folder.resolve()
    if isinstance(error, SyntaxError) and error.filename:
        frames = [(error.filename, error.lineno)]
    else:
        frames = [
            (f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)
        ]
    lines = [
        f"{Path(f).name}, line {n}"
        for f, n in frames
        if Path(f).resolve().parent == home
    ]
    return f"{lines[-1]}: {what}" if lines else what
