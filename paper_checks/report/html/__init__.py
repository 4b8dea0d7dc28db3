"""The report as static pages: `results/report/index.html`, and a page for each claim.

To add a page, make a `Page` (see `paper_checks.report.html.pages`) and add it to what
`site` returns; pages at the top are linked from every other one.
"""

from collections.abc import Sequence
from pathlib import Path

from paper_checks.report.answers import Answer
from paper_checks.report.html.claim import claim_page
from paper_checks.report.html.index import index_page
from paper_checks.report.html.pages import Page, paths_of, write


def site(known: Sequence[Answer], seconds: float | None = None) -> list[Page]:
    """Return every page of the report.

    Args:
        known: What is known of every claim.
        seconds: That the run took, if there was one.
    """
    paths = paths_of([one.finding.claim for one in known])
    return [
        index_page(known, paths, seconds),
        *(claim_page(one, known, paths) for one in known),
    ]


def write_report(
    folder: Path, known: Sequence[Answer], seconds: float | None = None
) -> Path:
    """Write the report, whole or not at all, and return the path of its index.

    Args:
        folder: Of the report; what was in it is replaced.
        known: What is known of every claim.
        seconds: That the run took, if there was one.

    Raises:
        OSError: It cannot be written.
        ValueError: There is something in the folder that is not a report.
    """
    return write(folder, site(known, seconds))
