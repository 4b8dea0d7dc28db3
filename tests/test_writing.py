"""How pages for readers are written: what of it can be held by a test."""

import re
import tomllib
from pathlib import Path

import pytest

from paper_checks import ledger
from paper_checks.judge import registry
from paper_checks.report.answers import answers
from paper_checks.report.story import ASKS, THEMES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE_NAME = re.compile(r"\b[WFM]-[A-Z][A-Za-z0-9]*\b")
NEW_PAGES = ("advice", "certificates", "from-python", "studies", "what-we-found")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in NEW_PAGES)]
# From the table of instead-of phrases that all pages follow.
INSTEAD = re.compile(
    r"\b(anew|is seen to|beside (it|them)|apart from each other|is told|are told|"
    r"whatever is nearly|it mends?)\b",
    re.I,
)


def prose(text: str) -> str:
    """A page without code, tables, comments and links' targets."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.S)
    kept = (one for one in text.splitlines() if not re.match(r" {4}|\||#", one))
    return re.sub(r"\]\([^)]*\)|`[^`]*`", "", "\n".join(kept))


def test_the_readme_has_at_most_900_words_tables_included():
    assert len(README.split()) <= 900


def test_the_readme_names_no_claim_by_its_code_before_its_title():
    titles = {one.id: one.title for one in registry.registered().values()}
    for line in README.splitlines():
        for found in CODE_NAME.finditer(line):
            title = titles[found[0]].replace("|", "\\|")
            assert title in line[: found.start()], line


def test_the_readme_is_in_the_order_of_its_readers():
    headings = re.findall(r"^## (.*)$", README, re.M)
    firsts = [heading.split()[0] for heading in headings]
    assert firsts == ["Install,", "For", "For", "Why", "Where", "Citing"]
    first, *_ = README.split("\n## ")
    assert "![" in first, "a picture comes before the rest"
    assert prose(first).count(".") <= 5, "what it is, in two sentences"
    trust = README.partition("## Why trust it")[2].partition("\n## ")[0]
    assert trust.count("\n- ") == 5


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_are_written_in_sentences(page):
    text = prose(page.read_text(encoding="utf-8"))
    assert "—" not in text, "a dash in place of a sentence"
    assert not INSTEAD.search(text), INSTEAD.search(text)
    for sentence in re.split(r"(?<=[.!?:])\s|\n\n", text):
        assert len(sentence.split()) <= 45, sentence


def test_sentences_of_the_report_have_at_most_two_clauses():
    known = {one.finding.claim: one.finding for one in answers()}
    told = [text for theme in THEMES for one in theme.sentences
            for text in one.told(known)]  # fmt: skip
    for text in (*ASKS.split(". "), *told):
        assert text.count(";") <= 1, text
        assert len(text.split()) <= 42, text
    assert 10 <= 3 + sum(theme.brief for theme in THEMES) <= 15, "about twelve"


def test_titles_and_headlines_are_short():
    for name, kept in ledger.recorded().items():
        for found in kept["findings"].values():
            assert len(found["title"]) <= 70, (name, found["title"])
            assert len(found["headline"]) <= 110, (name, found["headline"])


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {project['version']}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation
