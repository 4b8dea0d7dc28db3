"""The ledger: `python -m paper_checks` measures every claim and prints its verdict."""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro
from rich.console import Console
from tyro.conf import Positional

from paper_checks import ledger
from paper_checks.data.folder import benchmark_names
from paper_checks.judge import registry
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.stated import Stated
from paper_checks.ledger import NEW
from paper_checks.report import markdown, terminal
from paper_checks.report.answers import answers
from paper_checks.report.html import write_report
from paper_checks.settings import Profile, Settings
from paper_checks.studies import linear_benchmarks
from simulations.engine.process import share_cpu

INTERRUPTED = 130  # as shells have it


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure the claims and compare the verdicts with those on record.

    A run of all claims also writes the report, results/report/index.html.

    Exit status: 0 as recorded, 1 a verdict has changed, 2 it could not be measured,
    130 interrupted.

    Args:
        names: Claims to measure, such as W-P1 W-F3; all by default.
        profile: `quick`: minutes on two cores. `full`: more instances, Fig 3 at
            d = 100.
        data: Folder of real data (its manifest.json says what there is); without it
            the sets that scikit-learn brings along are used.
        results: Folder of the stores and of ledger.json. Sweeps that are already there
            are reused, so a run that was cut short goes on.
        only: The same as claims that are named first.
        claims: Folder of claims outside the repository, measured instead; their record
            is findings.json in that folder.
        explain: Print everything that was found on each claim.
        json: Print the findings as JSON.
        seed: Of every random draw.
        fresh: Run all sweeps again even if their stores are there.
        record: Put the findings on record, with the tables of the documentation,
            instead of comparing them.
        all_figures: Run the studies as well that only figures need and that take
            minutes: phase_map, trained_gap, relu_capacity, risk_curves, risk_map and
            the three of Theorem 2. The full profile does.
        processes: How many claims and sweeps run side by side.
    """

    names: Positional[tuple[str, ...]] = ()
    profile: Profile = "quick"
    data: Path | None = None
    results: Path = Path("results")
    only: tuple[str, ...] = ()
    claims: Path | None = None
    explain: bool = False
    json: bool = False
    seed: int = 0
    fresh: bool = False
    record: bool = False
    all_figures: bool = False
    processes: int = 1

    @property
    def chosen(self) -> tuple[str, ...]:
        """The claims that are asked for; none means all."""
        return (*self.names, *self.only)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
    asked = tyro.cli(Arguments, prog="python -m paper_checks", args=arguments)
    words = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "paper_checks", *words])
    try:
        return _verified(asked, command)
    except (ValueError, OSError, CheckError) as error:
        print(f"paper_checks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("paper_checks: interrupted; sweeps that are done stay", file=sys.stderr)
        return INTERRUPTED


def _verified(asked: Arguments, command: str) -> int:
    settings = Settings(
        profile=asked.profile,
        seed=asked.seed,
        results=asked.results,
        data=asked.data,
        fresh=asked.fresh,
    )
    start = time.monotonic()
    known = registry.known(asked.claims)
    path = ledger.RECORD if asked.claims is None else asked.claims / "findings.json"
    findings, faults = _measured(settings, asked, known, path)
    written = ledger.save(findings, settings, command)
    changes = ledger.changes(findings, settings, path, known)
    if asked.record:
        kept = ledger.record(findings, settings, command, path, known)
        if asked.claims is None:
            markdown.write_tables(kept)
    seconds = time.monotonic() - start
    report = None
    if not asked.chosen and not faults:
        every = answers(asked.results, path, asked.claims)
        report = write_report(asked.results / "report", every, seconds)
    if asked.json:
        print(json.dumps(json.loads(written.read_text(encoding="utf-8")), indent=1))
        for line in terminal.changed(changes):
            Console(stderr=True, emoji=False).print(line, soft_wrap=True)
    else:
        _print(asked, findings, changes, seconds, report or written)
    for one in faults:
        print(f"paper_checks: {one.claim}: {one.text}", file=sys.stderr)
    return 2 if faults else 1 if changes and not asked.record else 0


def _print(
    asked: Arguments,
    findings: Sequence[Finding],
    changes: Sequence[ledger.Change],
    seconds: float,
    written: Path,
) -> None:
    console = terminal.console()
    new = asked.record  # nothing that a new claim differs from
    for line in terminal.changed([c for c in changes if not new or c.recorded != NEW]):
        console.print(line, soft_wrap=True)
    if asked.explain:
        for found in findings:
            terminal.explain(console, found)
    else:
        for row in terminal.rows(findings, console.width):
            console.print(row, no_wrap=True)
    console.print(terminal.summary(findings, changes, seconds, recorded=asked.record))
    terminal.plainly(console, terminal.where(written, findings))


def _measured(
    settings: Settings, asked: Arguments, known: dict[str, Stated], path: Path
) -> tuple[list[Finding], list[ledger.Fault]]:
    """Run what figures need as well, then the claims; what is of no use is said now."""
    chosen = registry.chosen(known, asked.chosen)
    if settings.data is not None:
        benchmark_names(settings.data)
    ledger.ready(settings, path)
    tasks = ledger.tasks_of(list(chosen), settings, asked.claims)
    notes = Console(stderr=True, emoji=False)
    with notes.status("starting") as status:

        def tell(text: str) -> None:
            status.update(text)
            if not notes.is_terminal:
                notes.print(text, highlight=False)

        if not asked.chosen and asked.claims is None:
            everything = asked.all_figures or asked.profile == "full"
            tasks += ledger.sweeps_of(settings, everything=everything)
            linear_benchmarks.studies(settings, tell)
        return ledger.run(tasks, tell, asked.processes)


if __name__ == "__main__":
    sys.exit(main())
