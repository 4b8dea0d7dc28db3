"""Findings on a terminal: one line per claim, and everything of one on demand."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict
from paper_checks.ledger import NEW, Change

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
    counts = Counter(found.verdict for found in findings)
    said = ", ".join(f"{n} {COUNTED[v]}" for v in Verdict if (n := counts[v]))
    state = f"{len(changes)} changed" if changes else "all as recorded"
    if recorded:
        new = sum(change.recorded == NEW for change in changes)
        state = f"recorded now, {new} new and {len(changes) - new} changed"
    minutes, rest = divmod(round(seconds), 60)
    plural = "s" * (len(findings) != 1)
    return (
        f"{len(findings)} claim{plural}: {said}; {state}. {minutes} min {rest:02d} s."
    )


def explain(console: Console, found: Finding) -> None:
    """Print everything that was found on one claim."""
    verdict = Text(found.verdict, style=COLOURS[found.verdict])
    console.print(Text(found.claim, style="bold"), Text(f"{found.title}:"), verdict)
    lines = [
        *found.sentences,
        f"Claimed: {found.statement} ({found.source})",
        *(f"{entry!s}; {entry.interval}" for entry in found.measurements),
        *(
            f"Control: without {control.dropped}, the check noticed "
            f"{control.noticed} of {control.instances}."
            for control in found.controls
        ),
        *([] if found.attack is None else str(found.attack).splitlines()),
    ]
    for line in lines:
        console.print(f"  {line}", highlight=False, markup=False)


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
