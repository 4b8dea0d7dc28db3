"""Every claim, its verdict, and whether that is the verdict on record."""

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.table import Table

from paper_checks.claims import (
    advice,
    algorithm_1,
    algorithm_2,
    chest_x_rays,
    common_design,
    crossings,
    equation_4,
    equation_5,
    figure_2,
    figure_3,
    figure_3_relu,
    figure_5b,
    figure_6,
    figure_7,
    local_minima,
    noisy_copy,
    other_encoders,
    phase_transition,
    proposition_1,
    proposition_1_relu,
    proposition_3,
    random_labels,
    soft_sharing,
)
from paper_checks.claims import figure_5a as bert_alignment
from paper_checks.claims.theorem_2 import bound, relu, sharper
from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from simulations.files import write_whole

# What each claim is measured by, in the order of the table.
CLAIMS: dict[str, Callable[[Settings], Finding | Sequence[Finding]]] = {
    "W-P1": proposition_1.find,
    "W-P1r": proposition_1_relu.find,
    "W-E4": equation_4.find,
    "W-F2": figure_2.find,
    "W-F3": figure_3.find,
    "W-F3r": figure_3_relu.find,
    "W-E5": equation_5.find,
    "W-P3": proposition_3.find,
    "W-LM": local_minima.find,
    "W-EX": noisy_copy.find,
    "W-A1": algorithm_1.find,
    "W-A2": algorithm_2.find,
    "W-T2": bound.find,
    "W-T2s": sharper.find,
    "W-T2r": relu.find,
    "W-F5a": bert_alignment.find,
    "W-F5b": figure_5b.find,
    "W-F6": figure_6.find,
    "W-F7": figure_7.find,
    "W-C5": other_encoders.find,
    "W-X1": chest_x_rays.find,
    "W-X2": random_labels.find,
    "W-S1": advice.find,
    "M-PT": phase_transition.find,
    "M-CR": crossings.find,
    "M-SS": soft_sharing.find,
    "M-CX": common_design.find,
}
# Those that rest on sweeps with stores of their own.
SWEPT = frozenset({"W-F2", "W-F3", "W-F3r", "W-A1", "W-A2"})
COLUMNS = ("claim", "verdict", "what was found")
COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "red",
    Verdict.VACUOUS: "yellow",
    Verdict.NEEDS_DATA: "cyan",
}
RECORD = Path(__file__).with_name("records") / "verdicts.json"


@dataclass(frozen=True)
class Change:
    """A verdict that is not the one on record."""

    claim: str
    recorded: str
    measured: str


def chosen(only: Sequence[str]) -> dict[str, Callable[[Settings], Any]]:
    """The claims asked for; all of them if none is named.

    Raises:
        ValueError: An unknown claim.
    """
    unknown = [name for name in only if name not in CLAIMS]
    if unknown:
        raise ValueError(f"no claim {unknown}: there are {', '.join(CLAIMS)}")
    return {name: find for name, find in CLAIMS.items() if not only or name in only}


def measure(
    settings: Settings,
    only: Sequence[str],
    report: Callable[[str], None],
    *,
    swept: Callable[[], None] = lambda: None,
) -> list[Finding]:
    """Measure the claims asked for, one after the other; in the order of the table.

    Args:
        settings: What was asked for.
        only: Claims; all if there is none.
        report: Told the claim that is measured.
        swept: Called before the first claim that rests on sweeps; these come last.
    """
    found: dict[str, list[Finding]] = {}
    claims = chosen(only)
    waiting = True
    for name in sorted(claims, key=lambda name: name in SWEPT):
        if name in SWEPT and waiting:
            swept()
            waiting = False
        report(name)
        one = claims[name](settings)
        found[name] = [one] if isinstance(one, Finding) else list(one)
    return [finding for name in claims for finding in found[name]]


def changes(findings: Sequence[Finding], settings: Settings) -> list[Change]:
    """Verdicts that differ from those on record; a claim not on record differs."""
    recorded = _on_record().get(record_name(settings), {})
    return [
        Change(found.claim, recorded.get(found.claim, "not on record"), found.verdict)
        for found in findings
        if recorded.get(found.claim) != found.verdict
    ]


def record_name(settings: Settings) -> str:
    """Which record a run is held to: verdicts may depend on the data used."""
    return "bundled data" if settings.data is None else "with a data folder"


def record(findings: Sequence[Finding], settings: Settings) -> None:
    """Put the verdicts measured on record."""
    kept = _on_record()
    mine = kept.setdefault(record_name(settings), {})
    mine.update({found.claim: str(found.verdict) for found in findings})
    write_whole(RECORD, _strict_json(kept))


def _on_record() -> dict[str, dict[str, str]]:
    return json.loads(RECORD.read_text()) if RECORD.exists() else {}


def table(findings: Sequence[Finding]) -> Table:
    """The ledger for a terminal; what was measured is in the files, as it is long."""
    drawn = Table(title="Claims and verdicts", show_lines=True)
    for column in (*COLUMNS, "under attack"):
        drawn.add_column(column, overflow="fold")
    for found in findings:
        colour = COLOURS[found.verdict]
        drawn.add_row(
            f"{found.claim}\n[dim]{found.source}[/dim]",
            f"[bold {colour}]{found.verdict}[/]",
            f"{found.reason} [dim]({found.data})[/dim]",
            "" if found.attack is None else str(found.attack),
        )
    return drawn


def save(findings: Sequence[Finding], settings: Settings, command: str) -> list[Path]:
    """Write `ledger.json` and `ledger.md` to the results, each whole or not at all."""
    settings.results.mkdir(parents=True, exist_ok=True)
    about = {
        "command": command,
        "profile": settings.profile,
        "seed": settings.seed,
        "data": record_name(settings),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("jax", "numpy", "optimistix")},
    }
    plain = {"about": about, "findings": [found.as_json() for found in findings]}
    paths = [settings.results / "ledger.json", settings.results / "ledger.md"]
    write_whole(paths[0], _strict_json(plain))
    write_whole(paths[1], markdown(findings, about))
    return paths


def markdown(findings: Sequence[Finding], about: dict[str, Any]) -> str:
    """The ledger as Markdown."""
    versions = ", ".join(f"{name} {value}" for name, value in about.items())
    lines = ["# Ledger", "", f"Written by `{about['command']}` ({versions}).", ""]
    titles = (*COLUMNS, "data", "tightness", "needed hypotheses", "worst instance")
    lines += ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for found in findings:
        lines.append(
            f"| {found.claim} | **{found.verdict}** | {_cell(found.reason)} | "
            f"{_cell(found.data)} | {_attack(found)} |"
        )
    for found in findings:
        lines += ["", f"## {found.claim}: {found.verdict}", "", f"> {found.statement}"]
        lines += ["", f"Source: {found.source}. Seed {found.seed}. {found.reason}.", ""]
        lines += [f"- {entry}; {entry.interval}" for entry in found.measurements]
        lines += [
            f"- Control: without {control.dropped} the check noticed "
            f"{control.noticed} of {control.instances}."
            for control in found.controls
        ]
    return "\n".join(lines) + "\n"


def _attack(found: Finding) -> str:
    if found.attack is None:
        return " | | "
    cells = (
        found.attack.used,
        "; ".join(found.attack.needed),
        found.attack.worst,
    )
    return " | ".join(_cell(cell) for cell in cells)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _strict_json(plain: Any) -> str:
    text = json.dumps(_no_nan(plain), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def _no_nan(value: Any) -> Any:
    """JSON has no NaN or infinity; they become null and a string."""
    if isinstance(value, dict):
        return {key: _no_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_no_nan(entry) for entry in value]
    if isinstance(value, float) and value != value:
        return None
    if value in (float("inf"), float("-inf")):
        return str(value)
    return value
