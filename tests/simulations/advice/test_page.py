"""The page: whole, without a network, and no name is more than text."""

import html.parser
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from simulations.advice.advise import advise
from simulations.advice.page import page
from tests.simulations.advice.tables import shops

HOSTILE = {
    "lake": "<script>alert(1)</script>",
    "mall": '"><img src=x onerror=alert(1)>',
    "pier": "{{ 7 * 7 }} & 'pier'",
}


@pytest.fixture(scope="module")
def answer() -> xr.Dataset:
    frame = shops().replace(HOSTILE)
    tiny = frame.head(2).assign(shop="tiny")
    frame = frame.rename(columns={"temp": "<b>temp</b>"})
    tiny = tiny.rename(columns={"temp": "<b>temp</b>"})
    return advise(pd.concat([frame, tiny]), task="shop", label="sales")


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, all text, and that tags close in order."""

    VOID = ("meta",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.values += [f"{name}={value}" for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.values += [f"{name}={value}" for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_everything_and_names_stay_text(answer):
    text = page(answer)
    found = Reader(text)
    assert not found.open
    assert not {"script", "img", "b", "link", "iframe"} & set(found.tags)
    assert not [value for value in found.values if value.startswith("on")]
    assert not re.search(r"https?://|url\((?!#tip)", text)
    said = "".join(found.text)
    for name in HOSTILE.values():
        assert name in said
    kept = int(np.sum(answer["withheld"] == ""))
    # A cell for every pair, a node for every task, a dot for every width.
    assert found.tags.count("rect") == kept * (kept - 1)
    assert found.tags.count("circle") == kept + answer.sizes["width"]
    other = ~np.eye(answer.sizes["target"], dtype=bool)
    sure = int(np.sum(answer["gain_low"].values[other] > 0))
    assert sure > 0
    assert found.tags.count("line") == sure + 1  # and one for single tasks
    assert "needs at least 6" in said
    assert "Train " in said


def test_other_models_have_no_curve_and_say_accuracy():
    frame = shops()
    frame = frame[frame.shop.isin(["harbour", "beach"])].reset_index(drop=True)
    found = advise(frame.assign(sales=frame.sales > 5), task="shop", label="sales")
    text = page(found)
    assert "Error by width" not in text
    assert "accuracy" in text
    assert "log loss" in text
