"""What README promises: its example runs, and its ledger is the one on record."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from paper_checks import ledger
from paper_checks.report import markdown

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_tables_are_those_of_the_findings_on_record(tmp_path):
    kept = ledger.recorded()
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    markdown.write_tables(kept, tmp_path)
    for name in ("README.md", *(f"docs/{markdown.PAGES[one]}" for one in kept)):
        shown, written = (root / name for root in (ROOT, tmp_path))
        assert shown.read_text() == written.read_text(), f"{name} was edited by hand"


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
