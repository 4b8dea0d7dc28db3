"""Findings on a terminal: one line per claim, and everything of one on demand."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict
from paper_checks.ledger import Change

COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.VACUOUS: "yellow",
    Verdict.UNDECIDED: "magenta",
    Verdict.NEEDS_DATA: "cyan",
}
# How counts of verdicts are said.
COUNTED = {
    Verdict.HOLDS: "hold",
    Verdict.FAILS: "fail",
    Verdict.VACUOUS: "vacuous",
    Verdict.UNDECIDED: "undecided",
    Verdict.NEEDS_DATA: "need data",
}


def rows(findings: Sequence[Finding], width: int) -> list[str]:
    """One line per claim: its number, its title and the verdict, within `width`."""
    first = max(len(found.claim) for found in findings)
    last = max(map(len, Verdict))
    room = max(width - first - last - 4, 10)
    return [
        f"{found.claim:<{first}}  {_shortened(found.title, room):<{room}}  "
        f"[{COLOURS[found.verdict]}]{found.verdict}[/]"
        for found in findings
    ]


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def summary(
    findings: Sequence[Finding], changes: Sequence[Change], seconds: float
) -> str:
    """Counts of verdicts, whether they are those on record, and the time."""
    counts = Counter(found.verdict for found in findings)
    said = ", ".join(f"{n} {COUNTED[v]}" for v in Verdict if (n := counts[v]))
    state = f"{len(changes)} changed" if changes else "all as recorded"
    minutes, rest = divmod(round(seconds), 60)
    plural = "s" * (len(findings) != 1)
    return (
        f"{len(findings)} claim{plural}: {said}; {state}. {minutes} min {rest:02d} s."
    )


def explain(console: Console, found: Finding) -> None:
    """Print everything that was found on one claim."""
    colour = COLOURS[found.verdict]
    console.print(f"[bold]{found.claim}[/] {found.title}: [{colour}]{found.verdict}[/]")
    for sentence in found.sentences:
        console.print(f"  {sentence}", highlight=False)
    console.print(f"  Claimed: {found.statement} ({found.source})", highlight=False)
    for entry in found.measurements:
        console.print(f"  {entry!s}; {entry.interval}", highlight=False)
    for control in found.controls:
        console.print(
            f"  Control: without {control.dropped}, the check noticed "
            f"{control.noticed} of {control.instances}.",
            highlight=False,
        )
    if found.attack is not None:
        for line in str(found.attack).splitlines():
            console.print(f"  {line}", highlight=False)


def changed(changes: Sequence[Change]) -> list[str]:
    """A line for each verdict that is not the one on record."""
    return [
        f"[bold red]{one.claim} changed[/]: recorded {one.recorded}, measured "
        f"{one.measured}"
        for one in changes
    ]
