"""Pages of the report: one look for all, text escaped, written whole or not at all.

A page needs no network and no other file. Its security policy allows the script that is
written here, by its hash, and nothing else, so that no name can run or load anything.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from paper_checks.judge.verdict import Verdict
from paper_checks.report.html import colours
from simulations.files import replace_folder

# Control characters, halves of surrogate pairs and what is no character: HTML has none.
NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
INDEX = "index.html"
GENERATOR = '<meta name="generator" content="information-transfer report">'


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the report.

    Attributes:
        path: Below the folder of the report, with slashes: `claims/W-P3.html`.
        title: Its heading.
        body: HTML below the heading, which `markup` makes from a template.
        script: JavaScript of this page alone.
    """

    path: str
    title: str
    body: Markup
    script: str = ""

    @property
    def up(self) -> str:
        """The way from this page to the folder of the report."""
        return "../" * self.path.count("/")


def markup(template: str, **named: Any) -> Markup:
    """Return a template of this folder as HTML; all that it prints is escaped."""
    return Markup(_environment.get_template(template).render(**named))


def template_text(name: str) -> str:
    """Return a file beside the templates as it is."""
    return _templates.get_source(_environment, name)[0]


def rendered(page: Page, pages: Sequence[Page]) -> str:
    """Return a page as a whole HTML document, which links all pages at the top."""
    top = [one for one in pages if "/" not in one.path]
    policy = "'none'" if not page.script else f"'sha256-{_digest(page.script)}'"
    return markup(
        "page.html",
        page=page,
        top=top,
        policy=Markup(policy),
        style=_style(),
        generator=Markup(GENERATOR),
        script=Markup(page.script),
    )


def write(folder: Path, pages: Sequence[Page]) -> Path:
    """Write pages, whole or not at all, and return the path of the first.

    Raises:
        OSError: They cannot be written.
        ValueError: There is something in the folder that is not a report.
    """
    if folder.exists() and not _replaceable(folder):
        raise ValueError(f"{folder} holds something else than a report: not replaced")
    with replace_folder(folder) as new:
        for page in pages:
            path = new / page.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rendered(page, pages), encoding="utf-8")
    return folder / pages[0].path


def paths_of(claims: Sequence[str]) -> dict[str, str]:
    """Return the path of each claim's page; no number leads out of the folder.

    A number that is no plain file name, or that differs from another by its case alone,
    is named by its hash.
    """
    folded = [claim.casefold() for claim in claims]
    return {
        claim: f"claims/{claim if _plain(claim, folded) else _hashed(claim)}.html"
        for claim in claims
    }


def clean(value: Any) -> Any:
    """Return a value as text, with � for the characters that HTML cannot hold."""
    if isinstance(value, Markup):
        return Markup(NO_TEXT.sub("�", value))
    return NO_TEXT.sub("�", str(value))


def number(value: float) -> str:
    """Four digits of a number, with a true minus; a dash for NaN."""
    return "–" if value != value else f"{value:.4g}".replace("-", "−")


def verdict_class(verdict: str) -> str:
    """The class of a verdict: `needs-data`."""
    return str(verdict).replace(" ", "-")


def _replaceable(folder: Path) -> bool:
    """Whether this is an empty folder, or one that was written here."""
    if not folder.is_dir():
        return False
    index = folder / INDEX
    ours = index.is_file() and GENERATOR in index.read_text("utf-8", errors="replace")
    return ours or not any(folder.iterdir())


def _plain(claim: str, folded: Sequence[str]) -> bool:
    return bool(PLAIN_NAME.fullmatch(claim)) and folded.count(claim.casefold()) == 1


def _hashed(claim: str) -> str:
    return hashlib.sha256(claim.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _digest(script: str) -> str:
    """As a policy names a script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _style() -> Markup:
    """The style sheet, with the colours that tests compare."""
    named: Mapping[str, str] = {
        **colours.NAMED,
        **{verdict_class(name): colours.VERDICTS[name] for name in Verdict},
    }
    variables = "".join(f"--{name}:{value};" for name, value in named.items())
    return Markup(f":root{{{variables}}}\n{template_text('style.css')}")


_templates = jinja2.PackageLoader("paper_checks.report.html")
_environment = jinja2.Environment(
    loader=_templates,
    autoescape=True,
    finalize=clean,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(number=number, verdict_class=verdict_class)
