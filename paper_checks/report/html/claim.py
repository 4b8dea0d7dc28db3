"""The page of a claim: everything that was found on it, and how to question it."""

from collections.abc import Iterator, Mapping, Sequence

from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Control
from paper_checks.report.answers import Answer, command, reload, versions
from paper_checks.report.html.intervals import figure, flip_of
from paper_checks.report.html.mathml import math
from paper_checks.report.html.pages import Page, markup

# A link of one claim to another, and how the other's page puts it.
LINKS = {"repairs": "repaired by", "explains": "explained by", "uses": "used by"}


def claim_page(
    answer: Answer, known: Sequence[Answer], paths: Mapping[str, str]
) -> Page:
    """Return the page of a claim.

    Args:
        answer: What is known of it.
        known: What is known of all claims, for links.
        paths: The page of each claim.
    """
    found = answer.finding
    body = markup(
        "claim.html",
        answer=answer,
        found=found,
        formula=math(found.tex) if found.tex else "",
        figure=figure(found),
        flips=[flip_of(one, found) for one in found.measurements],
        hypotheses=list(_hypotheses(found)),
        links=list(_links(found, [one.finding for one in known])),
        paths=paths,
        command=command(answer),
        versions=versions(answer.about),
        reload=reload(answer),
    )
    return Page(
        path=paths[found.claim], title=f"{found.claim}: {found.title}", body=body
    )


def _hypotheses(found: Finding) -> Iterator[tuple[str, bool, str]]:
    """Each hypothesis, whether it is needed, and what happens without it."""
    if found.attack is None:
        return
    ratios = dict(zip(found.attack.needed, found.attack.ratios, strict=False))
    for name in found.attack.needed:
        told = [*_without(found, name)]
        told += (
            [f"the worst has {_sides(found)} = {ratios[name]:.3g}"] if ratios else []
        )
        yield name, True, "; ".join(told) or "a counterexample was found"
    for name in found.attack.not_needed:
        yield name, False, "no counterexample was found"


def _without(found: Finding, name: str) -> Iterator[str]:
    """Counts of counterexamples among draws, and failure rates of a survey."""
    for one in found.controls:
        if one.dropped == name:
            yield f"{_counted(one)} drawn problems break it"
    for one in found.measurements:
        if one.quantity == f"failures without '{name}'":
            bounds = f"[{one.low:.0%}, {one.high:.0%}]"
            yield f"{one.value:.0%} {bounds} of {one.n:,} break it"


def _sides(found: Finding) -> str:
    equality = found.attack is not None and found.attack.relation == "=="
    return "|lhs − rhs|/tolerance" if equality else "lhs/rhs"


def _counted(control: Control) -> str:
    return f"{control.noticed} of {control.instances}"


def _links(found: Finding, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Every link to or from this claim: its words, and the other claim's number."""
    for kind, reverse in LINKS.items():
        for other in getattr(found, kind):
            yield kind, other
        for one in findings:
            if found.claim in getattr(one, kind):
                yield reverse, one.claim
