"""The report in a browser: where playwright and Chromium are there, else skipped."""

import shutil
from pathlib import Path

import pytest

from paper_checks.report.answers import answers
from paper_checks.report.html import write_report

api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("browser") / "report"
    return write_report(out, answers()).parent


@pytest.fixture
def opened():
    """Open pages in a window of some width, and collect what they say and load."""
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )

        def page(width: int):
            found = browser.new_page(viewport={"width": width, "height": 900})
            told: list[str] = []
            found.on("console", lambda message: told.append(message.text))
            found.on("pageerror", lambda error: told.append(str(error)))
            found.on(
                "request",
                lambda asked: (
                    None if asked.url.startswith("file:") else told.append(asked.url)
                ),
            )
            return found, told

        yield page
        browser.close()


@pytest.mark.parametrize("width", [360, 1400])
def test_no_page_complains_loads_or_scrolls_sideways(folder, opened, width):
    page, told = opened(width)
    for path in folder.rglob("*.html"):
        page.goto(path.as_uri())
        root = "document.documentElement"
        wider = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
        assert wider == 0, path.name
    assert told == []


def test_the_table_is_filtered_from_the_keyboard(folder, opened):
    page, told = opened(1400)
    page.goto((folder / "index.html").as_uri())
    rows = page.locator("#table tbody tr:visible")
    every = rows.count()
    page.focus("#by-text")
    page.keyboard.type("theorem 2")
    assert 0 < rows.count() < every
    assert page.inner_text("#count") == f"{rows.count()} of {every} claims"
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.focus("#by-verdict")
    page.keyboard.type("fails")
    assert {row.get_attribute("data-verdict") for row in rows.all()} == {"fails"}
    page.focus("#by-source")
    page.keyboard.type("derived")
    assert {row.get_attribute("data-source") for row in rows.all()} == {"M"}
    assert told == []
