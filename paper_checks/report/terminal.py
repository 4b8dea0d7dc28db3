"""Findings on a terminal: one line per claim, and everything of one on demand."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Verdict
from paper_checks.ledger import NEW, Change
from paper_checks.report.sentence import counted

WIDTH = 80  # columns at most
ITEM, REST = "  - ", "    "  # before the first line of an item and its others
COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.VACUOUS: "yellow",
    Verdict.UNDECIDED: "magenta",
    Verdict.NEEDS_DATA: "cyan",
}


def rows(findings: Sequence[Finding], width: int) -> list[Text]:
    """One line per claim: its number, its title and the verdict, within `width`."""
    first = max((len(found.claim) for found in findings), default=0)
    last = max(map(len, Verdict))
    room = max(width - first - last - 4, 10)
    return [
        Text.assemble(
            f"{found.claim:<{first}}  {_shortened(found.title, room):<{room}}  ",
            (found.verdict, COLOURS[found.verdict]),
        )
        for found in findings
    ]


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def summary(
    findings: Sequence[Finding],
    changes: Sequence[Change],
    seconds: float,
    *,
    recorded: bool = False,
) -> str:
    """Counts of verdicts, whether they are those on record, and the time.

    Args:
        findings: All that were measured.
        changes: Of these from what was on record before.
        seconds: That it took.
        recorded: Whether they are on record now.
    """
    state = f"{len(changes)} changed" if changes else "all as recorded"
    if recorded:
        new = sum(change.recorded == NEW for change in changes)
        state = f"recorded now, {new} new and {len(changes) - new} changed"
    minutes, rest = divmod(round(seconds), 60)
    return f"{counted(findings)}; {state}. {minutes} min {rest:02d} s."


def where(path: Path, findings: Sequence[Finding]) -> str:
    """Where everything is to be read, and how to read about one claim."""
    if not findings or path.suffix != ".html":
        return f"Everything that was measured: {path}"
    one = findings[0].claim
    return (
        f"Read them at {path}; one claim: information-transfer verify {one} --explain"
    )


def console() -> Console:
    """A console of at most 80 columns, so that lines stay readable."""
    found = Console(emoji=False)
    found.width = min(found.width, WIDTH)
    return found


def explain(console: Console, found: Finding) -> None:
    """Print the page of a claim: all that was found on it, under short headings."""
    verdict = Text(found.verdict, style=COLOURS[found.verdict])
    title = Text.assemble((found.claim, "bold"), f"  {found.title}  ", verdict)
    console.print(title)
    sections = {
        "Claimed": [found.statement, f"Source: {found.source}"],
        "Found": list(found.sentences),
        "Links": [
            f"It {kind} {', '.join(getattr(found, kind))}."
            for kind in ("repairs", "explains", "uses")
            if getattr(found, kind)
        ],
        "Measured": [*_deciding(found), *map(_measured, found.measurements)],
        "Hypotheses": [] if found.attack is None else str(found.attack).splitlines(),
        "Controls": [
            f"Without {one.dropped}: noticed {one.noticed} of {one.instances}."
            for one in found.controls
        ],
        "Run": [f"On {found.data}; seed {found.seed}; {found.seconds:g} s."],
    }
    for heading, lines in sections.items():
        if lines:
            console.print(Text(heading, style="bold"))
        for line in lines:
            told = textwrap.fill(
                line, console.width, initial_indent=ITEM, subsequent_indent=REST
            )
            console.print(Text(told), highlight=False)
    console.print()


def _deciding(found: Finding) -> list[str]:
    """The measurement that decides, and where the verdict would flip."""
    if found.deciding is None:
        return []
    return [f"{found.deciding!s}; it decides, and the verdict would flip at "
            f"{found.deciding.flips_at:.3g}"]  # fmt: skip


def _measured(one: Measurement) -> str:
    return f"{one!s}; {one.interval}"


def plainly(console: Console, text: str) -> None:
    """Print text as it is, brackets included, and do not break its lines."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def changed(changes: Sequence[Change]) -> list[str]:
    """A line for each verdict that is not the one on record."""
    return [
        f"[bold red]{escape(one.claim)} changed[/]: recorded {one.recorded}, measured "
        f"{one.measured}"
        for one in changes
    ]
