"""What README promises: its example runs, and its ledger is the one on record."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def verdicts(part: str) -> dict[str, str]:
    """Those of a table between two comments."""
    (text,) = re.findall(f"<!-- {part} -->(.*?)<!-- /{part} -->", README, re.S)
    return dict(re.findall(r"^\| ([WM]-\w+) \| \*\*([\w ]+)\*\*", text, re.M))


def test_the_ledgers_shown_are_those_on_record():
    recorded = json.loads(
        (ROOT / "paper_checks" / "records" / "verdicts.json").read_text()
    )
    assert verdicts("ledger") == recorded["bundled data"]
    shown = verdicts("ledger with data")
    kept = recorded["with a data folder"]
    assert shown == {claim: kept[claim] for claim in shown}
    waiting = {c for c, one in recorded["bundled data"].items() if one == "needs data"}
    assert waiting <= set(shown)


@pytest.mark.long
def test_the_example_prints_what_is_shown():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    run = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=True
    )
    # Last digits depend on the machine's arithmetic.
    shown = [line.strip()[:32] for line in README.splitlines()]
    for line in run.stdout.splitlines():
        assert line.strip()[:32] in shown, line
