"""Findings as Markdown: the documentation's ledger, answers and the README's table.

`python -m paper_checks --record` writes them from the findings on record; none is
edited by hand.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from paper_checks.judge.finding import Finding
from paper_checks.report import story
from paper_checks.report.sentence import Theme, counted, shown
from simulations.files import write_whole

ROOT = Path(__file__).parents[2]
# Of each record, its page.
PAGES = {"bundled data": "ledger.md", "with a data folder": "ledger-with-data.md"}
FOUND = "what-we-found.md"
COLUMNS = ("claim", "title", "verdict", "what was found")
SHORT_COLUMNS = ("What is claimed", "Verdict", "What was found", "Details")
# The README's rows: one of each kind of result.
SHORT = ("W-P3", "W-T2", "W-T2s", "W-F3", "W-F3r", "W-A2", "W-F7", "F-Z9")
PROCESSES = 2  # of `make verify`
PICTURES = {
    "leak.png": "Gain of joint training on six sentence sets, with near-duplicates "
    "between the sets and without",
    "sentence_transfer.png": "Gains from SST to five other sets, by joint training and "
    "by alignment, of three encoders under three protocols",
}


def write_tables(records: Mapping[str, Mapping[str, Any]], root: Path = ROOT) -> None:
    """Write the pages of the documentation and the README's parts from the record.

    Args:
        records: `about` and `findings` of each record, as `ledger.recorded` has them.
        root: Of the repository; nothing is written where it has no `docs`.
    """
    if not (root / "docs").is_dir():
        return
    for name, kept in records.items():
        findings = list(kept["findings"].values())
        write_whole(root / "docs" / PAGES[name], page(findings, kept["about"]))
    readme, shown_in_it = root / "README.md", records.get("bundled data")
    if shown_in_it is not None:
        every = list(shown_in_it["findings"].values())
        write_whole(root / "docs" / FOUND, answers_page(every))
        if readme.is_file():
            text = with_part(readme.read_text(encoding="utf-8"), short_table(every))
            write_whole(readme, with_part(text, minutes(every), "minutes"))


def with_part(text: str, part: str, name: str = "findings") -> str:
    """The text with this part between its two markers, if it has them.

    A part of several lines, as a table is, stands apart from the markers.
    """
    apart = "\n\n" if "\n" in part else ""
    return re.sub(
        rf"(<!-- {name} -->).*?(<!-- /{name} -->)",
        lambda found: f"{found[1]}{apart}{part}{apart}{found[2]}",
        text,
        flags=re.S,
    )


def minutes(findings: Sequence[Mapping[str, Any]]) -> str:
    """How long `make verify` measures claims, as it runs two side by side."""
    seconds = sum(one["seconds"] for one in findings) / PROCESSES
    return f"{seconds / 60:.0f} minutes"


def short_table(findings: Sequence[Mapping[str, Any]]) -> str:
    """The README's rows, each with a link to everything on its claim."""
    known = {one["claim"]: one for one in findings}
    lines = ["| " + " | ".join(SHORT_COLUMNS) + " |", "|---" * len(SHORT_COLUMNS) + "|"]
    lines += [
        f"| {_cell(one['title'])} | **{one['verdict']}** | {_cell(one['headline'])} | "
        f"[{one['claim']}](docs/{PAGES['bundled data']}#{one['claim']}) |"
        for one in (known[name] for name in SHORT if name in known)
    ]
    return "\n".join(lines)


def answers_page(findings: Sequence[Mapping[str, Any]]) -> str:
    """What the paper says and what was found, question by question."""
    every = [Finding.from_json(one) for one in findings]
    known = {one.claim: one for one in every}
    lines = ["# What the paper claims, and what we found", "", story.ASKS, ""]
    lines += [
        f"We judge {counted(every)}. Numbers in brackets are intervals of 95% (those "
        "of several comparisons hold together). Each sentence links to all that was "
        "measured; `python -m paper_checks --record` writes this page, so that no "
        "number on it is typed by hand.",
    ]
    for theme in shown(story.THEMES, known):
        lines += ["", *_theme(theme, known)]
    for name, says in PICTURES.items():
        lines += ["", f"![{says}]({name})", "", f"*{says}.*"]
    return "\n".join(lines) + "\n"


def _theme(theme: Theme, known: Mapping[str, Finding]) -> Iterator[str]:
    yield from (f"## {theme.title}", "", theme.says, "")
    for one in theme.sentences:
        links = ", ".join(
            f"[{name}]({PAGES['bundled data']}#{name})"
            for name in one.about
            if name in known
        )
        yield from (f"- {_text(text)} ({links})" for text in one.told(known))


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
    lines = [f'<a id="{one["claim"]}"></a>', ""]
    lines += [f"## {one['claim']}: {_text(one['title'])}", ""]
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
