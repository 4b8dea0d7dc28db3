"""The graph of claims: what repairs, explains or uses what, coloured by verdict.

One small picture for each connected part, so that they wrap on narrow screens. A part
is claims of one place in the source (such as Algorithm 1), and those linked to them.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from paper_checks.judge.finding import Finding
from paper_checks.report.html.pages import markup

KINDS = ("repairs", "explains", "uses")
WIDTH, NODE, GAP, LANE = 330, 54, 10, 12  # of a picture, in its own units
LINE = 41  # characters of a title's line
HERE = "derived here"  # no place of its own


@dataclass(frozen=True)
class Node:
    """A claim in a picture, at `y` from its top."""

    found: Finding
    path: str
    y: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Arrow:
    """A link from one claim to another, in a lane of its own beside the claims."""

    kind: str
    start: Node
    end: Node
    lane: int


@dataclass(frozen=True)
class Part:
    """A connected part: where its claims are stated, the claims and their links."""

    places: tuple[str, ...]
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]

    @property
    def height(self) -> int:
        """Of the picture."""
        return len(self.nodes) * (NODE + GAP) - GAP + 2

    @property
    def width(self) -> int:
        """Of the picture, with the lanes of its arrows."""
        return WIDTH + LANE * len(self.arrows) + (8 if self.arrows else 2)

    @property
    def says(self) -> str:
        """The picture in words."""
        links = [
            f"{a.start.found.claim} {a.kind} {a.end.found.claim}" for a in self.arrows
        ]
        claims = ", ".join(f"{n.found.claim} {n.found.verdict}" for n in self.nodes)
        return "; ".join([claims, *links])


def graph(findings: Sequence[Finding], paths: Mapping[str, str]) -> Markup:
    """Return the pictures of all parts as HTML; each claim links its page."""
    sizes = {"width": WIDTH, "node": NODE, "lane": LANE}
    return markup("graph.html", parts=parts(findings, paths), **sizes)


def parts(findings: Sequence[Finding], paths: Mapping[str, str]) -> list[Part]:
    """Return the connected parts, in the order of their first claims."""
    known = {one.claim: one for one in findings}
    group = {name: place for place, name in enumerate(known)}

    def join(one: str, other: str) -> None:
        old, new = group[one], group[other]
        group.update({name: new for name, at in group.items() if at == old})

    for one in findings:
        for kind in KINDS:
            for other in getattr(one, kind):
                if other in known:
                    join(one.claim, other)
    first: dict[str, str] = {}
    for one in findings:
        if place(one) != HERE:
            join(one.claim, first.setdefault(place(one), one.claim))
    return [
        _part([one for one in findings if group[one.claim] == at], paths)
        for at in dict.fromkeys(group.values())
    ]


def place(found: Finding) -> str:
    """Where a claim is stated, without its number and remarks: `Algorithm 1`."""
    inside = re.match(r"[A-Z]-\S+ \((.*?)\)", found.source)
    text = re.sub(r"^docs/\w+\.md, ", "", inside[1] if inside else found.source)
    if text.startswith(HERE):
        return HERE
    return re.split(r"[;,](?! equal)", text)[0].removeprefix("W ").strip('" ')


def _part(findings: Sequence[Finding], paths: Mapping[str, str]) -> Part:
    nodes = tuple(
        Node(one, paths[one.claim], 1 + row * (NODE + GAP), _lines(one.title))
        for row, one in enumerate(findings)
    )
    named, lane = {node.found.claim: node for node in nodes}, count(1)
    arrows = tuple(
        Arrow(kind, node, named[other], next(lane))
        for node in nodes
        for kind in KINDS
        for other in getattr(node.found, kind)
        if other in named
    )
    return Part(tuple(dict.fromkeys(map(place, findings))), nodes, arrows)


def _lines(title: str) -> tuple[str, ...]:
    """Two lines at most."""
    return tuple(textwrap.wrap(title, LINE, max_lines=2, placeholder="…"))
