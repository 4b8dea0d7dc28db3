"""The report alone: `information-transfer report`, without measuring anything."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from paper_checks import ledger
from paper_checks.report.answers import answers
from paper_checks.report.html import write_report

RESULTS = Path("results")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write the report as web pages, from a run or from the record.

    Args:
        results: Folder of a run. By default `results` if a run left its ledger.json
            there, and else the record that comes with the project.
        recorded: Report the record alone.
        claims: Folder of claims outside the repository, if the run was of these.
        out: Folder of the report, which is replaced; by default `report` in the folder
            of the run.
    """

    results: Path | None = None
    recorded: bool = False
    claims: Path | None = None
    out: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0, or 2 if there is nothing to report."""
    asked = tyro.cli(Arguments, prog="information-transfer report", args=arguments)
    try:
        print(f"Read it at {_written(asked)}")
    except (ValueError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 2
    return 0


def _written(asked: Arguments) -> Path:
    run = asked.results
    if run is None and (RESULTS / "ledger.json").is_file():
        run = RESULTS
    if asked.recorded:
        run = None
    folder = asked.claims
    record = ledger.RECORD if folder is None else folder / "findings.json"
    out = asked.out or (asked.results or RESULTS) / "report"
    return write_report(out, answers(run, record, folder))


if __name__ == "__main__":
    sys.exit(main())
