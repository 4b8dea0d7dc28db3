import dataclasses
import json
from io import StringIO

import pytest
from rich.console import Console

from paper_checks import ledger
from paper_checks.judge.finding import Attack
from paper_checks.judge.verdict import Verdict
from paper_checks.report import markdown, terminal
from tests.paper_checks.test_ledger import finding


@pytest.fixture
def findings():
    return [finding("W-P1"), finding("W-E5", Verdict.FAILS)]


@pytest.mark.parametrize("width", [30, 80])
def test_the_terminal_has_a_line_per_claim_within_its_width(findings, width):
    long = [dataclasses.replace(one, title=70 * "x") for one in findings]
    console = Console(width=width, record=True, file=StringIO())
    for row in terminal.rows(long, console.width):
        console.print(row, no_wrap=True)
    lines = console.export_text().rstrip().splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("W-P1  x")
    assert lines[0].endswith("…  holds") == (width < 90)


def test_the_summary_counts_verdicts_and_changes(findings):
    said = terminal.summary(findings, [], 61.2)
    assert said == "2 claims: 1 hold, 1 fail; all as recorded. 1 min 01 s."
    change = ledger.Change("W-E5", "holds", "fails")
    assert "; 1 changed." in terminal.summary(findings, [change], 0.0)
    (line,) = terminal.changed([change])
    assert "W-E5 changed[/]: recorded holds, measured fails" in line


def test_tables_are_written_from_the_record_and_between_the_markers(tmp_path, findings):
    (tmp_path / "docs").mkdir()
    readme = tmp_path / "README.md"
    stale = "<!-- findings -->\nstale\n<!-- /findings -->"
    readme.write_text(f"before\n{stale}\n<!-- minutes -->stale<!-- /minutes -->\n")
    findings[1] = dataclasses.replace(finding("W-T2", Verdict.FAILS), seconds=480.0)
    plain = {one.claim: json.loads(ledger.strict_json(one.as_json()))
             for one in findings}  # fmt: skip
    kept = {"bundled data": {"about": {"command": "c", "seed": 4}, "findings": plain}}
    markdown.write_tables(kept, tmp_path)
    text = readme.read_text()
    assert text.startswith("before\n<!-- findings -->\n")
    assert text.endswith("<!-- minutes -->4 minutes<!-- /minutes -->\n")
    assert "stale" not in text
    row = "| title of W-T2 | **fails** | a \\| b | [W-T2](docs/ledger.md#W-T2) |\n"
    assert row in text
    assert "W-P1" not in text
    found = (tmp_path / "docs" / "what-we-found.md").read_text()
    assert "- title of W-T2: fails. a | b. ([W-T2](ledger.md#W-T2))\n" in found
    assert "We judge 2 claims: 1 hold, 1 fail." in found
    page = (tmp_path / "docs" / "ledger.md").read_text()
    for part in (
        "Written by `c` (seed 4)",
        '<a id="W-P1"></a>\n\n## W-P1: title of W-P1',
        "> statement of W-P1",
        "- c = 3.",
        "It uses W-P3.",
        "- size: inf (n=3); none",
        "without r = 1, the check noticed 7 of 9",
    ):
        assert part in page


def test_brackets_are_text_on_a_terminal_of_60_columns(findings):
    """`[a, b]` is no style, `[/x]` no error, and `:x:` no picture."""
    odd = dataclasses.replace(
        findings[0],
        title="between [a, b] and [/x]",
        headline="in [low, high] and :x:",
        statement="[red]s[/red]",
    )
    console = Console(width=60, record=True, file=StringIO(), emoji=False)
    console.print(*terminal.rows([odd], console.width))
    terminal.explain(console, odd)
    terminal.plainly(console, f"[{'x' * 80}]")
    text = console.export_text()
    assert text.count(odd.title) == 2
    for part in (odd.headline, odd.statement, f"[{'x' * 80}]"):
        assert part in text


def test_the_page_of_a_claim_fits_80_columns_of_a_terminal(findings, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    console = terminal.console()
    assert console.width == 80
    measured = dataclasses.replace(
        findings[0].measurements[0], quantity="rest " * 30, value=0.5, flips_at=0.25
    )
    full = dataclasses.replace(
        findings[0],
        deciding=measured,
        measurements=(measured,),
        attack=Attack(tightness=0.5, worst="w.npz", needed=("a",), not_needed=("b",)),
    )
    with console.capture() as captured:
        terminal.explain(console, full)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    headings = [line for line in lines if line and not line.startswith((" ", "W-P1"))]
    assert headings == ["Claimed", "Found", "Links", "Measured", "Hypotheses",
                        "Controls", "Run"]  # fmt: skip
    text = " ".join(captured.get().split())
    for part in (
        "statement of W-P1", "Source: W", "a | b", "It uses W-P3.",
        "it decides, and the verdict would flip at 0.25", "needs: a", "not: b",
        "worst: w.npz", "Without r = 1: noticed 7 of 9.", "seed 4",
    ):  # fmt: skip
        assert part in text


def test_a_record_is_not_said_to_be_as_recorded(findings):
    new = [ledger.Change("W-P1", ledger.NEW, "holds")]
    changed = [*new, ledger.Change("W-E5", "holds", "fails")]
    said = terminal.summary(findings, changed, 0.0, recorded=True)
    assert "recorded now, 1 new and 1 changed." in said
    again = terminal.summary(findings, [], 0.0, recorded=True)
    assert "recorded now, 0 new and 0 changed." in again


def test_words_cannot_break_the_tables_of_the_documentation(findings):
    odd = dataclasses.replace(
        findings[0],
        title="a\nb <b>bold</b>",
        headline="x | y\n\n# z <!-- /findings --> for a < b <= c",
        statement="one\ntwo",
    )
    plain = json.loads(ledger.strict_json(odd.as_json()))
    row = markdown.table([plain]).splitlines()[-1]
    assert row == (
        "| W-P1 | a b &lt;b>bold&lt;/b> | **holds** | "
        "x \\| y # z &lt;!-- /findings --> for a < b <= c |"
    )
    page = markdown.page([plain], {"command": "c"})
    assert "> one two\n" in page
    assert "<b>" not in page
    assert "\n# z" not in page
