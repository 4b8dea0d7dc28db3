import dataclasses
import re
import string

import pytest

from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Verdict
from paper_checks.report.answers import answers
from paper_checks.report.sentence import Sentence, Shown, counted
from paper_checks.report.story import THEMES
from tests.paper_checks.test_ledger import finding

ONE = Measurement(
    quantity="a gain", value=-0.123, low=-0.2, high=0.04, interval="", n=7
)
SENTENCES = [one for theme in THEMES for one in theme.sentences]


def test_a_sentence_takes_its_numbers_by_name():
    found = dataclasses.replace(finding("W-P1"), measurements=(ONE,), deciding=ONE)
    said = Sentence(
        "{a[a gain]:%} of {a.deciding.n}, {a[a gain]}", {"W-P1": Verdict.HOLDS}
    )
    (text,) = said.told({"W-P1": found})
    assert text == "−12% [−20, 4] of 7, −0.12 [−0.2, 0.04]"


@pytest.mark.parametrize("text", ["{a[another gain]}", "{a.deciding}", "{b.deciding}"])
def test_a_sentence_that_names_what_is_not_there_gives_way(text):
    told = Sentence(text, {"W-P1": Verdict.HOLDS}).told({"W-P1": finding("W-P1")})
    assert told == ["title of W-P1: holds. a | b."]


def test_a_sentence_on_another_verdict_gives_way():
    sentence = Sentence("It holds.", {"W-P1": Verdict.HOLDS})
    assert sentence.told({"W-P1": finding("W-P1")}) == ["It holds."]
    changed = {"W-P1": finding("W-P1", Verdict.FAILS)}
    assert sentence.told(changed) == ["title of W-P1: fails. a | b."]
    assert sentence.told({}) == []


def test_counts_have_the_order_of_verdicts():
    some = [finding("W-P1", Verdict.FAILS), finding("W-E5"), finding("W-E4")]
    assert counted(some) == "3 claims: 2 hold, 1 fail"
    assert counted(some[:1]) == "1 claim: 1 fail"


def test_every_sentence_on_record_is_told_as_it_is_written():
    known = {one.finding.claim: one.finding for one in answers()}
    for one in SENTENCES:
        (text,) = one.told(known)
        fixed = next(iter(string.Formatter().parse(one.text)))[0]
        assert text.startswith(fixed), f"{one.about}: {text}"


def test_no_number_of_a_result_is_typed_into_a_sentence():
    """Digits outside of braces are only those of names, angles and levels of noise."""
    named = r"(Proposition|Theorem|Algorithm|arXiv|d/2)|\d+ degrees|20% random labels"
    for one in SENTENCES:
        typed = "".join(part for part, *_ in string.Formatter().parse(one.text))
        rest = re.sub(rf"({named})( ?[\d.]+)?", "", typed)
        assert not re.search(r"\d", rest), rest


def test_angles_and_levels_that_are_typed_are_those_of_the_measurement():
    for one in SENTENCES:
        for angle in re.findall(r"(\d+) degrees(?! *\])", one.text.split("{")[0]):
            assert f"at {angle} degrees]" in one.text
        if "20% random" in one.text:
            assert ", 0.2 of labels random]" in one.text


def test_per_cent_without_an_interval():
    alone = dataclasses.replace(ONE, low=float("nan"), high=float("nan"))
    assert format(Shown(alone), "%") == "−12%"
