"""What README and docs promise: examples run, and parts are what the record says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from paper_checks import ledger
from paper_checks.front_door import COMMANDS
from paper_checks.report import markdown

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
# Pages for readers that must agree with each other; the ledgers are generated.
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
# Last digits depend on the machine's arithmetic.
SAME = 32


def python_of(page: str) -> str:
    """The first Python example of a page."""
    return re.findall(r"```python\n(.*?)```", page, re.S)[0]


def shown_in(page: str) -> list[str]:
    """Lines of a page that are set apart, without the space before them."""
    return [line.strip() for line in page.splitlines() if line.startswith("    ")]


def run(*command: str, folder: Path) -> str:
    told = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=told, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def information_transfer(*words: str, folder: Path) -> str:
    call = "import sys; from paper_checks.front_door import main; sys.exit(main())"
    return run("-c", call, *words, folder=folder)


def test_generated_parts_are_those_of_the_findings_on_record(tmp_path):
    kept = ledger.recorded()
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    markdown.write_tables(kept, tmp_path)
    names = [f"docs/{markdown.PAGES[one]}" for one in kept]
    for name in ("README.md", f"docs/{markdown.FOUND}", *names):
        shown, written = (root / name for root in (ROOT, tmp_path))
        assert shown.read_text() == written.read_text(), f"{name} was edited by hand"


def test_the_readme_has_eight_findings_and_the_minutes():
    assert len(re.findall(r"^\| .* \| \*\*", README, re.M)) == len(markdown.SHORT) == 8
    assert re.search(r"<!-- minutes -->\d+ minutes<!-- /minutes -->", README)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        there = page.parent / target if target else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    """Anchors that are set, and those that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    made = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_that_pages_name_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"information-transfer ([a-z]\w*)", text):
        assert name in {*COMMANDS, "maintainers"}, name


def test_advice_in_the_readme_is_that_of_its_page():
    page = shown_in((DOCS / "advice.md").read_text(encoding="utf-8"))
    shown = [
        line for line in shown_in(README) if re.match("Gain|[┃│]|Train|well", line)
    ]
    assert len(shown) >= 8
    assert set(shown) <= set(page)


@pytest.mark.long
def test_the_advice_is_what_the_command_prints(tmp_path):
    page = (DOCS / "advice.md").read_text(encoding="utf-8")
    run("-c", python_of(page), folder=tmp_path)
    words = ("advise", "shops.csv", "--task-column", "shop")
    printed = information_transfer(*words, folder=tmp_path)
    shown = [line[:SAME] for line in shown_in(page)]
    for line in printed.splitlines():
        assert line.strip()[:SAME] in shown, line


@pytest.mark.long
@pytest.mark.parametrize("name", ["README.md", "docs/from-python.md"])
def test_the_example_prints_what_is_shown(name, tmp_path):
    page = (ROOT / name).read_text(encoding="utf-8")
    printed = run("-c", python_of(page), folder=tmp_path).splitlines()
    shown = [line[:SAME] for line in shown_in(page)]
    assert printed
    for line in printed:
        assert line.strip()[:SAME] in shown, line


@pytest.mark.long
def test_the_certificate_of_the_page_is_accepted(tmp_path):
    page = (DOCS / "certificates.md").read_text(encoding="utf-8")
    assert "certified" in run("-c", python_of(page), folder=tmp_path)
    told = information_transfer("check", "bound.json", folder=tmp_path)
    assert told.startswith("ACCEPTED bound.json")
    copied = tmp_path / "check.py"
    copied.write_text((ROOT / "theory" / "check.py").read_text(encoding="utf-8"))
    alone = run("-I", "-S", "check.py", "bound.json", folder=tmp_path)
    assert alone.startswith("ACCEPTED bound.json")
