"""The ledger: `python -m paper_checks` measures every claim and prints its verdict."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import tyro
from rich.console import Console

from paper_checks import ledger
from paper_checks.beside import sweeping
from paper_checks.data.folder import benchmark_names
from paper_checks.judge.measurement import CheckError
from paper_checks.settings import Profile, Settings
from paper_checks.studies import linear_benchmarks, simulated
from simulations.engine.process import share_cpu


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure the claims of the paper and compare the verdicts with those on record.

    Exit status: 0 as recorded, 1 a verdict has changed, 2 it could not be measured.

    Args:
        profile: `quick`: minutes on two cores. `full`: more instances, Fig 3 at
            d = 100.
        data: Folder of real data (its manifest.json says what there is); without it
            the sets that scikit-learn brings along are used.
        results: Folder of the stores and of ledger.json and ledger.md. Sweeps that
            are already there are reused, so a run that was cut short goes on.
        only: Claims to measure, such as W-P1 W-F3; all by default.
        seed: Of every random draw.
        fresh: Run all sweeps again even if their stores are there.
        record: Put the verdicts on record instead of comparing them.
        all_figures: Run the studies as well that only figures need and that take
            minutes: phase_map, trained_gap, relu_capacity, risk_curves, risk_map and
            the three of Theorem 2. The full profile does.
        processes: 2: sweeps run in a process of their own meanwhile, unless `fresh`.
    """

    profile: Profile = "quick"
    data: Path | None = None
    results: Path = Path("results")
    only: tuple[str, ...] = ()
    seed: int = 0
    fresh: bool = False
    record: bool = False
    all_figures: bool = False
    processes: Literal[1, 2] = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
    asked = tyro.cli(Arguments, prog="python -m paper_checks", args=arguments)
    settings = Settings(
        profile=asked.profile,
        seed=asked.seed,
        results=asked.results,
        data=asked.data,
        fresh=asked.fresh,
    )
    console, notes = Console(), Console(stderr=True)
    try:
        findings = _measured(settings, asked, notes)
        words = sys.argv[1:] if arguments is None else arguments
        command = shlex.join(["python", "-m", "paper_checks", *words])
        paths = ledger.save(findings, settings, command)
        if asked.record:
            ledger.record(findings, settings)
        changed = [] if asked.record else ledger.changes(findings, settings)
    except (ValueError, OSError, CheckError) as error:
        print(f"paper_checks: {error}", file=sys.stderr)
        return 2
    console.print(ledger.table(findings))
    if asked.only:
        for found in findings:
            console.print(f"[bold]{found.claim}[/] measured:")
            for entry in found.measurements:
                console.print(f"  {entry}; {entry.interval}", highlight=False)
    console.print("Written, with all that was measured:", *paths)
    for change in changed:
        console.print(
            f"[bold red]{change.claim} changed[/]: recorded {change.recorded}, "
            f"measured {change.measured}"
        )
    return 1 if changed else 0


def _measured(
    settings: Settings, asked: Arguments, notes: Console
) -> list[ledger.Finding]:
    """Run what figures need as well, then the claims."""
    only = asked.only
    ledger.chosen(only)
    if settings.data is not None:
        benchmark_names(settings.data)  # a bad folder now rather than in minutes
    everything = asked.all_figures or asked.profile == "full"
    needed = {} if only else simulated.for_figures(everything=everything)
    with notes.status("starting") as status, ExitStack() as stack:

        def report(text: str) -> None:
            status.update(text)
            if not notes.is_terminal:
                notes.print(text)

        def swept() -> None:
            if process is not None:
                report("sweeps")
                process.wait()
            for name, sweep in needed.items():
                report(f"sweep: {name}")
                sweep(settings)

        process = None
        if asked.processes > 1 and not only and not settings.fresh:
            beside = sweeping(settings, all_figures=everything)
            process = stack.enter_context(beside)
        if not only:
            linear_benchmarks.studies(settings, report)
        return ledger.measure(settings, only, report, swept=swept)


if __name__ == "__main__":
    sys.exit(main())
