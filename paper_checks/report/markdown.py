"""Findings as Markdown: the ledger of the documentation and the README's table.

`python -m paper_checks --record` writes both from the findings on record; neither is
edited by hand.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulations.files import write_whole

ROOT = Path(__file__).parents[2]
# Of each record, its page.
PAGES = {"bundled data": "ledger.md", "with a data folder": "ledger-with-data.md"}
COLUMNS = ("claim", "title", "verdict", "what was found")
MARKER = "findings"


def write_tables(records: Mapping[str, Mapping[str, Any]], root: Path = ROOT) -> None:
    """Write the ledger's pages and the README's table from what is on record.

    Args:
        records: `about` and `findings` of each record, as `ledger.recorded` has them.
        root: Of the repository; nothing is written where it has no `docs`.
    """
    if not (root / "docs").is_dir():
        return
    for name, kept in records.items():
        findings = list(kept["findings"].values())
        write_whole(root / "docs" / PAGES[name], page(findings, kept["about"]))
    readme = root / "README.md"
    shown = records.get("bundled data")
    if shown is not None and readme.is_file():
        rows = table(list(shown["findings"].values()))
        write_whole(readme, with_table(readme.read_text(encoding="utf-8"), rows))


def with_table(text: str, rows: str) -> str:
    """The text with these rows between its two markers, if it has them."""
    return re.sub(
        rf"(<!-- {MARKER} -->\n).*?(<!-- /{MARKER} -->)",
        lambda found: f"{found[1]}\n{rows}\n\n{found[2]}",
        text,
        flags=re.S,
    )


def table(findings: Sequence[Mapping[str, Any]]) -> str:
    """One row per claim."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    lines += [
        f"| {_cell(one['claim'])} | {_cell(one['title'])} | **{one['verdict']}** | "
        f"{_cell(one['headline'])} |"
        for one in findings
    ]
    return "\n".join(lines)


def page(findings: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """All findings: the table, and then everything on each of them."""
    versions = ", ".join(f"{n} {v}" for n, v in about.items() if n != "command")
    lines = ["# Ledger", "", f"Written by `{about['command']}` ({versions}).", ""]
    lines += [table(findings)]
    for one in findings:
        lines += ["", *_section(one)]
    return "\n".join(lines) + "\n"


def _section(one: Mapping[str, Any]) -> list[str]:
    lines = [f"## {one['claim']}: {_text(one['title'])}", ""]
    lines += [f"**{one['verdict']}.** {_text(one['headline'])}", ""]
    lines += [f"> {_text(one['statement'])}", ">", f"> {_text(one['source'])}", ""]
    told = [*one["details"], *one["caveats"]]
    lines += [*(f"- {_text(sentence)}" for sentence in told), ""] if told else []
    for kind in ("repairs", "explains", "uses"):
        lines += [f"It {kind} {', '.join(one[kind])}.", ""] if one[kind] else []
    lines += [f"Measured on: {_text(one['data'])}. Seed {one['seed']}.", ""]
    lines += [_measured(entry) for entry in one["measurements"]]
    lines += [
        f"- Control: without {_text(control['dropped'])}, the check noticed "
        f"{control['noticed']} of {control['instances']}."
        for control in one["controls"]
    ]
    if one["attack"]:
        attack = one["attack"]
        lines.append(f"- Needed: {_text('; '.join(attack['needed'])) or 'none'}.")
        if attack["not_needed"]:
            lines.append(f"- Not needed: {_text('; '.join(attack['not_needed']))}.")
        lines.append(f"- Worst instance: `{attack['worst']}`.")
    return lines


def _measured(entry: Mapping[str, Any]) -> str:
    """One measurement; JSON has null for NaN, and strings for infinities."""
    value, low, high = (_number(entry[name]) for name in ("value", "low", "high"))
    bounds = "" if low == "nan" else f" [{low}, {high}]"
    return (
        f"- {_text(entry['quantity'])}: {value}{bounds} (n={entry['n']}); "
        f"{_text(entry['interval'])}"
    )


def _number(value: float | str | None) -> str:
    return "nan" if value is None else f"{float(value):.4g}"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    """Text on one line, of which no `<` begins an element of HTML."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", " ".join(text.split()))
