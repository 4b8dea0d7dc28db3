import dataclasses
import json
import os
import re
import time
import urllib.parse
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from markupsafe import Markup

from paper_checks import ledger
from paper_checks.judge import Claim, registry
from paper_checks.judge.finding import Attack
from paper_checks.judge.measurement import Measurement
from paper_checks.judge.stress import Effort, stress
from paper_checks.judge.verdict import Control, Verdict
from paper_checks.report.__main__ import main
from paper_checks.report.answers import Answer, answers, reload
from paper_checks.report.html import colours, site, write_report
from paper_checks.report.html.graph import parts, place
from paper_checks.report.html.intervals import WIDTH, strip
from paper_checks.report.html.mathml import math
from paper_checks.report.html.pages import Page, number, paths_of, rendered, write
from tests.paper_checks.report.documents import Document, documents
from tests.paper_checks.test_ledger import finding

NAN = float("nan")
HOSTILE = {
    "markup": "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;",
    "quotes": '" onmouseover="alert(1)" x=\'',
    "control characters": "a\0b\x1b[31mc\x7f\x85\ud800d\ufffe",
    "right to left": "\u202eevil\u202c \u05d0\u05d1\u05d2 \u2066x",
    "long": "x" * 10_000,
    "templates": "{{ 7 * 7 }}{% for %}{# #}",
    "newlines": "a\n\nb\tc",
}


def answer(found, **options) -> Answer:
    told: dict[str, Any] = {
        "about": {"command": "c", "profile": "quick", "seed": "0", "data": "d"}
    }
    told |= {"recorded": str(found.verdict), "measured": True, "file": "f.py"}
    told |= {"results": Path("results")}
    return Answer(finding=found, **(told | options))


def named(text: str):
    """A finding every word of which is this text."""
    one = Measurement(
        quantity=text, value=0.5, low=0.1, high=0.9, interval=text, n=3, flips_at=0.2
    )
    return dataclasses.replace(
        finding("W-P1"),
        **dict.fromkeys(("title", "headline", "statement", "source", "data"), text),
        **dict.fromkeys(("details", "caveats", "uses", "repairs"), (text,)),
        tex=text,
        deciding=one,
        measurements=(one, dataclasses.replace(one, quantity=f"{text} 2")),
        controls=(Control(dropped=text, noticed=7, instances=9),),
        attack=Attack(
            tightness=0.5,
            worst="w.npz",
            needed=(text,),
            not_needed=(text,),
            ratios=(2.0,),
        ),
    )


@pytest.fixture(scope="module")
def recorded():
    return answers()


@pytest.fixture(scope="module")
def written(recorded, tmp_path_factory):
    start = time.perf_counter()
    index = write_report(tmp_path_factory.mktemp("report") / "report", recorded, 291.0)
    assert time.perf_counter() - start < 5
    return index.parent


def test_the_report_is_small_and_whole(written, recorded):
    pages = documents(written)
    assert len(pages) == len(recorded) + 1
    assert sum(path.stat().st_size for path in pages) < 10e6


def test_links_resolve_ids_are_unique_and_nothing_is_loaded(written):
    for path, page in documents(written).items():
        ids = page.values("id")
        assert len(ids) == len(set(ids)), path
        assert page.values("src") == []
        for link in page.values("href"):
            target, _, fragment = link.partition("#")
            assert not urllib.parse.urlsplit(link).scheme, link
            there = (path.parent / urllib.parse.unquote(target)) if target else path
            assert there.is_file(), (path, link)
            assert not fragment or fragment in Document(there.read_text()).values("id")


def test_no_page_names_anything_to_fetch(written):
    for path in written.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"url\(|@import|<link|xlink:href|srcset", text), path
        assert "default-src 'none'" in text


def test_every_page_of_a_claim_says_what_report_md_asks_for(written, recorded):
    pages = documents(written)
    for one in recorded:
        page = pages[written / paths_of([one.finding.claim])[one.finding.claim]]
        found = one.finding
        says = [
            found.title,
            found.headline,
            found.statement,
            found.source,
            found.verdict,
        ]
        says += [*found.details, *found.caveats, one.file]
        says += [measured.quantity for measured in found.measurements]
        says += [control.dropped for control in found.controls]
        says += [f"information-transfer verify {found.claim} --explain"]
        for text in says:
            assert " ".join(text.split()) in page.text, (found.claim, text)
        decides = found.deciding
        if decides in found.measurements and decides.flips_at == decides.flips_at:
            cell = f"<td>{number(decides.flips_at)}</td></tr>"
            path = written / paths_of([found.claim])[found.claim]
            assert cell in path.read_text(), found.claim
        assert ("math" in page.tags) == bool(found.tex), found.claim
        drawn = any(np.isfinite(m.low) for m in found.measurements) or found.controls
        labels = [a for tag, a in page.elements if tag == "svg"]
        assert bool(labels) == bool(drawn), found.claim
        assert all(label["aria-label"] for label in labels)


def test_the_index_has_a_row_a_link_and_a_picture_of_each_claim(written, recorded):
    page = Document((written / "index.html").read_text())
    assert "42 claims" not in page.text or len(recorded) == 42
    for one in recorded:
        path = paths_of([one.finding.claim])[one.finding.claim]
        assert page.values("href").count(path) >= 2, path
    assert page.tags.count("script") == 1
    assert page.tags.count("tr") == len(recorded) + 1
    assert " in 4 min 51 s." in page.text


def test_a_changed_verdict_is_shown_first(tmp_path):
    changed = answer(finding("W-P1"), recorded="fails")
    page = Document(write_report(tmp_path / "r", [changed]).read_text())
    first = page.text.partition("This report judges")[0]
    assert "W-P1 changed: recorded fails, measured holds." in " ".join(first.split())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_of_users_are_text(text, tmp_path):
    plain = write_report(tmp_path / "plain", [answer(named("name"))]).parent
    hostile = write_report(tmp_path / "hostile", [answer(named(text))]).parent
    for path, page in documents(hostile).items():
        usual = Document((plain / path.relative_to(hostile)).read_text())
        # Titles of the graph may take other lines; MathML is checked on its own.
        ours = [tag for tag in page.tags if tag not in ("text", "code")]
        other = [tag for tag in usual.tags if tag not in ("text", "code")]
        if path.name == "index.html":
            assert ours == other
        assert "img" not in page.tags
        assert page.tags.count("script") == usual.tags.count("script")
        assert not [name for _, attrs in page.elements for name in attrs
                    if name.startswith("on")]  # fmt: skip
        shown = "".join("�" if c in "\0\x1b\x7f\x85\ud800\ufffe" else c for c in text)
        assert " ".join(shown.split()) in page.text


def test_numbers_of_claims_cannot_leave_the_folder_or_meet(tmp_path):
    names = [
        "../up",
        "/etc/x",
        "W-P1",
        "w-p1",
        "x" * 300,
        "a/b",
        "index",
        "<b>",
        "\ud800",
    ]
    paths = paths_of(names)
    assert len({path.casefold() for path in paths.values()}) == len(names)
    for path in paths.values():
        assert re.fullmatch(r"claims/[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.html", path)
    known = [answer(finding(name)) for name in names]
    folder = write_report(tmp_path / "report", known).parent
    assert len(list(folder.rglob("*.html"))) == len(names) + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(//x)}{x}",
        r"\class{verdict}{x}",
        r"\nosuchcommand{x}",
        "{" * 5_000,
        "x" * 10_000,
        "\\",
        "",
    ],
)
def test_tex_that_is_no_plain_mathematics_stays_text(tex):
    shown = Document(f"<p>{math(tex)}</p>")
    assert "script" not in shown.tags
    allowed = {"display", "stretchy", "fence"}
    for tag, attrs in shown.elements[1:]:
        assert set(attrs) <= ({"class"} if tag == "code" else allowed)
    if tex.startswith("\\"):
        assert tex in shown.text


def test_tex_is_typeset():
    shown = Document(math(r"f^* = \sum_{i \ge 1} \frac{\sigma_i^2}{2}"))
    assert {"math", "mfrac", "msubsup", "mi"} <= set(shown.tags)
    assert "\\" not in shown.text


def test_a_strip_has_its_places_in_order_and_in_proportion():
    one = Measurement(
        quantity="q", value=1.0, low=-1.0, high=2.0, interval="i", n=3, flips_at=5.0
    )
    found = strip(one)
    assert found.ends == (-1.0, 5.0)
    assert found.flips is not None
    assert 0 < found.low < found.zero < found.value < found.high < found.flips < WIDTH
    assert (found.high - found.low) / (found.flips - found.low) == pytest.approx(1 / 2)
    assert found.says.endswith("interval −1 to 2, the verdict would flip at 5")
    same = strip(dataclasses.replace(one, value=0.0, low=0.0, high=0.0, flips_at=NAN))
    assert same.low == same.value == same.zero == WIDTH / 2
    assert same.flips is None


def test_colours_are_readable():
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    for one, other in colours.TEXT:
        assert colours.contrast(one, other) >= 4.5, (one, other)
    for one, other in colours.MARKS:
        assert colours.contrast(one, other) >= 3, (one, other)


def test_the_style_takes_its_colours_from_those_that_are_compared():
    style = rendered(Page(path="a.html", title="t", body=Markup("b")), [])
    text = style.partition("<style>")[2].partition("</style>")[0]
    rules = text.partition("\n*")[2]
    assert "#" not in re.sub(r"#table", "", rules), "a colour that no test compares"
    declared = set(re.findall(r"--([\w-]+):", text.partition("\n*")[0]))
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= declared


def test_claims_that_are_linked_or_stated_in_one_place_are_one_part():
    def one(claim, source, **links):
        return dataclasses.replace(
            finding(claim), source=source, **({"uses": ()} | links)
        )

    known = [
        one("W-A", "W-A (Theorem 2)"),
        one("W-B", "W-B (Theorem 2) with ReLU"),
        one("W-C", "derived here (x.y)", repairs=("W-B",)),
        one("W-D", "derived here", uses=("W-GONE",)),
    ]
    found = parts(known, dict.fromkeys([k.claim for k in known], "p"))
    names = [[node.found.claim for node in part.nodes] for part in found]
    assert names == [["W-A", "W-B", "W-C"], ["W-D"]]
    (arrow,) = found[0].arrows
    assert (arrow.start.found.claim, arrow.end.found.claim) == ("W-C", "W-B")
    assert "W-C repairs W-B" in found[0].says
    assert place(known[1]) == "Theorem 2"


def test_a_report_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = tmp_path / "report"
    write_report(folder, [answer(finding("W-P1"))])
    before = {path: path.read_text() for path in folder.rglob("*.html")}

    def fail(*_: object, **__: object) -> int:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="disk full"):
            write_report(folder, [answer(finding("W-E5"))])
    assert {path: path.read_text() for path in folder.rglob("*.html")} == before
    assert os.listdir(tmp_path) == ["report"]
    write_report(folder, [answer(finding("W-E5"))])
    assert not (folder / "claims" / "W-P1.html").exists()


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "index.html").write_text("<p>mine")
    with pytest.raises(ValueError, match="something else than a report"):
        write_report(tmp_path, [answer(finding("W-P1"))])
    assert (tmp_path / "index.html").read_text() == "<p>mine"


def test_other_pages_are_linked_from_every_page(tmp_path):
    more = Page(path="more.html", title="A <b>leaderboard</b>", body=Markup("<p>x</p>"))
    index = write(tmp_path / "r", [*site([answer(finding("W-P1"))]), more])
    claim = Document((index.parent / "claims" / "W-P1.html").read_text())
    assert "../more.html" in claim.values("href")
    assert "A <b>leaderboard</b>" in claim.text


def test_the_command_reports_a_run_over_the_record(tmp_path, capsys):
    found = dataclasses.replace(finding("W-P1", Verdict.FAILS), headline="new headline")
    run = tmp_path / "run"
    run.mkdir()
    about = {"command": "c", "profile": "full", "seed": 3, "data": "bundled data"}
    plain = {"about": about, "findings": [found.as_json()]}
    (run / "ledger.json").write_text(ledger.strict_json(plain))
    assert main(["--results", str(run)]) == 0
    assert f"Read it at {run}/report/index.html" in capsys.readouterr().out
    page = Document((run / "report" / "claims" / "W-P1.html").read_text())
    assert "new headline" in page.text
    assert "On record the verdict is: holds" in page.text
    assert "verify W-P1 --explain --profile full --seed 3" in page.text
    other = Document((run / "report" / "claims" / "W-P3.html").read_text())
    assert "On record the verdict is" not in other.text
    assert main(["--recorded", "--out", str(tmp_path / "alone")]) == 0
    alone = Document((tmp_path / "alone" / "claims" / "W-P1.html").read_text())
    assert "new headline" not in alone.text


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"about": {}, "findings": [{}]}'])
def test_a_file_that_holds_no_findings_is_named(tmp_path, capsys, text):
    (tmp_path / "ledger.json").write_text(text)
    assert main(["--results", str(tmp_path)]) == 2
    assert f"{tmp_path}/ledger.json holds no findings" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


@pytest.mark.long
def test_the_lines_of_a_page_reload_the_worst_instance(tmp_path, capsys):
    claim = registry.registered()["W-E5"]
    assert isinstance(claim, Claim)
    statement = claim.attacked
    effort = Effort(instances=64, starts=0, examples=0, instances_dropped=64)
    folder = tmp_path / "worst_instances"
    found = stress(statement, jax.random.key(0), effort, folder=folder)
    told = dataclasses.replace(finding("W-E5"), attack=found.attack)
    lines = reload(answer(told, results=tmp_path))
    assert len(lines) == 3
    exec("\n".join(lines), {})
    assert "Reproduced(worst=Worst(" in capsys.readouterr().out
    told = dataclasses.replace(found.attack, worst="not saved")
    assert reload(answer(dataclasses.replace(finding("W-E5"), attack=told))) == []


def test_a_finding_is_read_back_from_its_json():
    found = named("a")
    read = json.loads(ledger.strict_json(found.as_json()))
    assert type(found).from_json(read) == found
    odd = json.loads(ledger.strict_json(finding("W-P1").as_json()))
    (measured,) = type(found).from_json(odd).measurements
    assert (measured.value, measured.high) == (float("inf"), float("-inf"))
    assert np.isnan(measured.low)
    for spoiled in ({}, {**read, "new": 1}, {**read, "verdict": "maybe"}):
        with pytest.raises(ValueError, match=r"no finding|maybe"):
            type(found).from_json(spoiled)
