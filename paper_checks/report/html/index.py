"""The first page of the report: the answer in sentences, all claims, their graph."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict
from paper_checks.report import story
from paper_checks.report.answers import Answer, versions
from paper_checks.report.html.graph import graph, place
from paper_checks.report.html.pages import INDEX, Page, markup, template_text
from paper_checks.report.sentence import counted, shown

# Who states a claim, by the letters before its dash.
SOURCES = {
    "W": "Wu, Zhang and Ré",
    "F": "Fifty et al.",
    "M": "derived here",
}


def index_page(
    known: Sequence[Answer], paths: Mapping[str, str], seconds: float | None
) -> Page:
    """Return the index: sentences, counts, the table with its filter, and the graph.

    Args:
        known: What is known of every claim.
        paths: The page of each claim.
        seconds: That the run took, if there was one.
    """
    findings = [one.finding for one in known]
    counts = Counter(one.verdict for one in findings)
    measured = [one for one in known if one.measured]
    body = markup(
        "index.html",
        sentences=list(_sentences(findings)),
        known=known,
        changed=[one for one in measured if one.changed],
        measured=len(measured),
        counts={verdict: counts[verdict] for verdict in Verdict if counts[verdict]},
        sources=_sources(findings),
        source_of=source_of,
        place=place,
        paths=paths,
        graph=graph(findings, paths),
        about=(measured or known)[0].about,
        versions=versions((measured or known)[0].about),
        time=None if seconds is None else divmod(round(seconds), 60),
    )
    title = "Information transfer in multi-task learning, checked"
    return Page(path=INDEX, title=title, body=body, script=template_text("filter.js"))


def source_of(found: Finding) -> str:
    """The letters before the dash of a claim's number."""
    return found.claim.partition("-")[0]


def _sources(findings: Sequence[Finding]) -> dict[str, str]:
    letters = dict.fromkeys(map(source_of, findings))
    return {one: SOURCES.get(one, one) for one in letters}


def _sentences(findings: Sequence[Finding]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each sentence with the claims that it is about."""
    known = {one.claim: one for one in findings}
    themes = shown(story.THEMES, known)
    if themes:
        yield story.ASKS, ()
    yield f"This report judges {counted(findings)}.", ()
    for theme in themes:
        for one in theme.sentences[: theme.brief]:
            for text in one.told(known):
                yield text, tuple(name for name in one.about if name in known)
