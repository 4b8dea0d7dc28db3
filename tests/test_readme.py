"""What README promises: its example runs, and its ledger is the one on record."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_ledger_shown_is_the_one_on_record():
    shown = dict(re.findall(r"^\| ([WM]-\w+) \| \*\*([\w ]+)\*\*", README, re.M))
    recorded = json.loads((ROOT / "paper_checks" / "recorded.json").read_text())
    assert shown == recorded["bundled data"]


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
