"""Plant the bugs of planted.toml, one at a time, and see which test catches each.

    python tests/benchmarks/plant.py [NUMBER ...]

Every bug is a text of one file, found there exactly once, and the text in its place.
Its `tests` are run without the long ones, its `long` tests only where none of these
failed. The file is as it was when the next bug is planted, also after Ctrl-C.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
MARKS = {"tests": "not long", "long": "long"}


def first_failure(mark: str, tests: list[str]) -> str | None:
    """Name of the first test that fails.

    Raises:
        RuntimeError: Nothing was run, or pytest itself failed.
    """
    options = ("-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-m", mark)
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *options, *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return None
    found = FAILED.search(done.stdout)
    if done.returncode > 2 or not found:
        said = done.stdout[-500:] + done.stderr
        raise RuntimeError(f"pytest on {tests} ended with {done.returncode}: {said}")
    return found[1]


def caught(bug: dict[str, Any]) -> str:
    """What catches a bug, in words.

    Raises:
        ValueError: Its text is not there once: the code has changed since.
    """
    path = ROOT / bug["file"]
    text = path.read_text()
    if text.count(bug["old"]) != 1:
        raise ValueError(f"{bug['file']} has {bug['old']!r} {text.count(bug['old'])}×")
    path.write_text(text.replace(bug["old"], bug["new"]))
    try:
        for field, mark in MARKS.items():
            if field in bug and (name := first_failure(mark, bug[field])):
                return f"{name} ({'long' if field == 'long' else 'fast'})"
    finally:
        path.write_text(text)
    return "not caught"


def main() -> None:
    """Plant the bugs with the numbers given, or all."""
    bugs = tomllib.loads(Path(__file__).with_name("planted.toml").read_text())["bug"]
    for number in map(int, sys.argv[1:] or range(1, len(bugs) + 1)):
        bug = bugs[number - 1]
        print(f"{number} {bug['name']}: {caught(bug)}", flush=True)


if __name__ == "__main__":
    main()
