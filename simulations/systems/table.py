"""The table of systems in docs/multi-task-systems.md.

`python -m simulations.systems.table` writes it.
"""

import re
from pathlib import Path

from simulations.files import write_whole
from simulations.systems.registry import registered

PAGE = Path(__file__).parents[2] / "docs" / "multi-task-systems.md"
HEAD = (
    "system",
    "objective",
    "convex",
    "certificate",
    "reduces to",
    "when to use",
    "source",
)
# What is between these two lines of the page is generated.
BEGIN, END = "<!-- systems -->", "<!-- end of systems -->"


def table() -> str:
    """Return one row per system, as Markdown."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for name, kind in registered().items():
        objective, convex, *rest = kind.about
        shown = (
            f"`{name}`",
            str(objective),
            "yes" if convex else "no",
            *map(str, rest),
        )
        rows.append(tuple(cell.replace("|", "\\|") for cell in shown))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def with_table(page: str) -> str:
    """Return the page with the table of now between its marks.

    Raises:
        ValueError: The page does not have both marks.
    """
    found, count = re.subn(
        f"{BEGIN}\n.*?{END}",
        lambda _: f"{BEGIN}\n{table()}\n{END}",
        page,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"the page must have {BEGIN} and {END} once, got {count}")
    return found


if __name__ == "__main__":
    write_whole(PAGE, with_table(PAGE.read_text(encoding="utf-8")))
