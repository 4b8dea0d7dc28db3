"""Findings on a terminal: one row per claim, and everything of a claim on demand."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

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


def table(findings: Sequence[Finding]) -> Table:
    """One row per claim: its number, what was found, and the verdict."""
    drawn = Table(box=None, pad_edge=False)
    drawn.add_column("claim", width=max(len(found.claim) for found in findings))
    drawn.add_column("title", overflow="ellipsis", no_wrap=True)
    drawn.add_column("verdict", width=max(map(len, Verdict)))
    for found in findings:
        colour = COLOURS[found.verdict]
        drawn.add_row(found.claim, found.title, f"[{colour}]{found.verdict}[/]")
    return drawn


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
