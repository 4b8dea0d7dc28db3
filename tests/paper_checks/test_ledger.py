import dataclasses
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_checks import ledger
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Control, Verdict
from paper_checks.settings import Settings

NAN, INF = float("nan"), float("inf")


def finding(claim: str, verdict: Verdict = Verdict.HOLDS) -> Finding:
    return Finding(
        claim=claim,
        statement=f"statement of {claim}",
        source="W",
        verdict=verdict,
        reason="a | b",
        measurements=(
            Measurement(
                quantity="size", value=INF, low=NAN, high=-INF, interval="none", n=3
            ),
        ),
        controls=(Control(dropped="r = 1", noticed=7, instances=9),),
        data="simulated",
        seed=4,
    )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse(word: str) -> None:
    raise AssertionError(f"JSON has no {word}")


@pytest.fixture
def record(tmp_path, monkeypatch):
    path = tmp_path / "recorded.json"
    monkeypatch.setattr(ledger, "RECORD", path)
    return path


def test_an_unknown_claim_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"no claim \['W-XX'\]: there are W-P1, "):
        ledger.chosen(["W-E5", "W-XX"])


def test_claims_keep_the_order_of_the_table():
    assert list(ledger.chosen(["W-E5", "W-P1"])) == ["W-P1", "W-E5"]
    assert ledger.chosen([]) == ledger.CLAIMS


def test_a_claim_of_several_findings_gives_them_all(monkeypatch):
    pair = [finding("W-A2"), finding("W-A2s")]
    claims = {"W-E5": lambda _: finding("W-E5"), "W-A2": lambda _: pair}
    monkeypatch.setattr(ledger, "CLAIMS", claims)
    told: list[str] = []
    found = ledger.measure(Settings(), [], told.append)
    assert [entry.claim for entry in found] == ["W-E5", "W-A2", "W-A2s"]
    assert told == ["W-E5", "W-A2"]


def test_changes_are_told_from_what_is_on_record(record, tmp_path):
    bundled, folder = Settings(), Settings(data=tmp_path)
    found = [finding("W-P1"), finding("W-E5", Verdict.FAILS)]
    new = ledger.changes(found, bundled)
    assert [change.recorded for change in new] == ["not on record"] * 2
    ledger.record(found, bundled)
    assert ledger.changes(found, bundled) == []
    assert len(ledger.changes(found, folder)) == 2
    (change,) = ledger.changes([finding("W-P1"), finding("W-E5")], bundled)
    assert change == ledger.Change("W-E5", "fails", "holds")


def test_a_record_keeps_what_was_not_measured(record, tmp_path):
    ledger.record([finding("W-P1"), finding("W-E5")], Settings())
    ledger.record([finding("W-E5", Verdict.VACUOUS)], Settings())
    ledger.record([finding("W-P1")], Settings(data=tmp_path))
    assert json.loads(record.read_text()) == {
        "bundled data": {"W-P1": "holds", "W-E5": "vacuous"},
        "with a data folder": {"W-P1": "holds"},
    }


def test_files_are_whole_and_say_everything(tmp_path):
    asked = Settings(results=tmp_path / "new" / "results", seed=4)
    found = [finding("W-P1"), finding("W-E5", Verdict.FAILS)]
    paths = ledger.save(found, asked, "python -m paper_checks")
    assert sorted(path.name for path in asked.results.iterdir()) == [
        "ledger.json",
        "ledger.md",
    ]
    plain = json.loads(paths[0].read_text(), parse_constant=refuse)
    assert plain["about"]["seed"] == 4
    number = plain["findings"][0]["measurements"][0]
    assert (number["value"], number["low"], number["high"]) == ("inf", None, "-inf")
    text = paths[1].read_text()
    for one in found:
        assert f"| {one.claim} | **{one.verdict}** | a \\| b |" in text
        assert f"> {one.statement}" in text
    assert "without r = 1 the check noticed 7 of 9" in text


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    asked = Settings(results=tmp_path)
    path, _ = ledger.save([finding("W-P1")], asked, "first")
    before = path.read_text()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        ledger.save([finding("W-E5")], asked, "second")
    assert path.read_text() == before
    assert names_in(tmp_path) == ["ledger.json", "ledger.md"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_files_have_the_mode_of_the_umask(record, tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        paths = ledger.save([finding("W-P1")], Settings(results=tmp_path), "command")
        ledger.record([finding("W-P1")], Settings())
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (*paths, record)}
    assert modes == {mode}


def numbers() -> st.SearchStrategy[float]:
    return st.floats() | st.floats().map(np.float64)


@given(value=numbers(), low=numbers(), high=numbers())
@settings(max_examples=30)
def test_measurements_are_read_back_from_strict_json(value, low, high):
    measured = Measurement(
        quantity="q", value=value, low=low, high=high, interval="i", n=3
    )
    found = dataclasses.replace(finding("W-P1"), measurements=(measured,))
    read = json.loads(ledger._strict_json(found.as_json()), parse_constant=refuse)
    (saved,) = read["measurements"]
    for field in ("value", "low", "high"):
        if np.isnan(getattr(measured, field)):
            assert saved[field] is None
        else:
            assert float(saved[field]) == getattr(measured, field)


def test_json_that_is_none_is_never_written(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "_no_nan", lambda value: value)
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.save([finding("W-P1")], Settings(results=tmp_path), "command")
    assert names_in(tmp_path) == []


def test_numbers_of_numpy_are_plain_in_json(tmp_path):
    number = Measurement(
        quantity="q", value=np.float64("nan"), low=0.0, high=1.0, interval="", n=1
    )
    assert ledger._no_nan([{"a": number.value}, (1.5, "inf", True)]) == [
        {"a": None},
        [1.5, "inf", True],
    ]


def test_the_table_has_each_claim():
    drawn = ledger.table([finding("W-P1"), finding("W-E5")])
    assert drawn.row_count == 2
