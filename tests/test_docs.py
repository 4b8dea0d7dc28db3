"""What docs name exists: headings that are cited, modules, functions and tests."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("theory", "simulations", "paper_checks", "tests")
PAGES = ("mathematics", "architecture")
CITED = re.compile(r'docs/(mathematics)\.md,?\s*"([^"]+)"')


def headings(page: str) -> set[str]:
    """Headings of a page, without numbers before and claims in brackets behind."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    found = re.findall(r"^#+ (?:\d\. )?(.*?)(?: \([WM]-.*\))?$", text, re.MULTILINE)
    return set(found)


def test_every_citation_of_the_mathematics_is_one_of_its_headings():
    known, cited = headings("mathematics"), 0
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for _, heading in CITED.findall(path.read_text()):
                assert heading in known, f"{path.relative_to(ROOT)}: {heading}"
                cited += 1
    assert cited


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    last = Path()
    for quoted in re.findall(r"`([^`\s]+)`", text):
        path, _, test = quoted.partition("::")
        if re.fullmatch(r"(theory|simulations|paper_checks)(\.\w+)+", quoted):
            assert exists(quoted), quoted
        elif "/" in path and "<" not in path:
            last = ROOT / path
            assert last.exists(), quoted
        if test or re.fullmatch(r"test_\w+", quoted):
            assert f"def {test or quoted}(" in last.read_text(), quoted
