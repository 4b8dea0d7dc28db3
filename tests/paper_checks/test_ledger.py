import dataclasses
import json
import os
import stat
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_checks import ledger
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Control, Verdict
from paper_checks.settings import Settings
from simulations.files import no_nan

NAN, INF = float("nan"), float("inf")


def finding(claim: str, verdict: Verdict = Verdict.HOLDS) -> Finding:
    return Finding(
        claim=claim,
        title=f"title of {claim}",
        headline="a | b",
        statement=f"statement of {claim}",
        source="W",
        verdict=verdict,
        details=("c = 3.",),
        uses=("W-P3",),
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
def record(tmp_path):
    return tmp_path / "findings.json"


def put(path, *findings, data=None):
    return ledger.record(findings, Settings(data=data), "command", path)


def test_tasks_report_how_far_they_are_and_findings_are_in_order():
    tasks = [
        ledger.Task(name, lambda name=name: [finding(name)])
        for name in ("W-P3", "M-CX", "W-A1")
    ]
    told: list[str] = []
    found, _ = ledger.run([*tasks, ledger.Task("sweep: x", list)], told.append)
    assert [one.claim for one in found] == ["W-A1", "W-P3", "M-CX"]
    assert [one.split(",")[0] for one in told] == [f"{i} of 4 done" for i in range(4)]
    assert told[1].endswith(" left: M-CX")


def test_changes_are_told_from_what_is_on_record(record, tmp_path):
    bundled, folder = Settings(), Settings(data=tmp_path)
    found = [finding("W-P1"), finding("W-E5", Verdict.FAILS)]
    new = ledger.changes(found, bundled, record)
    assert [change.recorded for change in new] == ["not on record"] * 2
    put(record, *found)
    assert ledger.changes(found, bundled, record) == []
    assert ledger.changes(found, folder, record) == []  # they use no folder
    put(record, finding("W-E5", Verdict.VACUOUS), data=tmp_path)
    (change,) = ledger.changes(found, folder, record)
    assert change == ledger.Change("W-E5", "vacuous", "fails")
    both = [finding("W-P1"), finding("W-E5")]
    (change,) = ledger.changes(both, bundled, record)
    assert change == ledger.Change("W-E5", "fails", "holds")


def test_a_record_keeps_what_was_not_measured(record, tmp_path):
    put(record, finding("W-P1"), finding("W-E5"))
    put(record, finding("W-E5", Verdict.VACUOUS))
    kept = put(record, finding("W-P1"), data=tmp_path)
    assert kept == ledger.recorded(record)
    verdicts = {
        name: {claim: found["verdict"] for claim, found in one["findings"].items()}
        for name, one in kept.items()
    }
    assert verdicts == {
        "bundled data": {"W-E5": "vacuous", "W-P1": "holds"},
        "with a data folder": {"W-P1": "holds"},
    }


def test_files_are_whole_and_say_everything(tmp_path):
    asked = Settings(results=tmp_path / "new" / "results", seed=4)
    found = [finding("W-P1"), finding("W-E5", Verdict.FAILS)]
    path = ledger.save(found, asked, "python -m paper_checks")
    assert names_in(asked.results) == ["ledger.json"]
    plain = json.loads(path.read_text(), parse_constant=refuse)
    assert plain["about"]["seed"] == 4
    number = plain["findings"][0]["measurements"][0]
    assert (number["value"], number["low"], number["high"]) == ("inf", None, "-inf")


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    asked = Settings(results=tmp_path)
    path = ledger.save([finding("W-P1")], asked, "first")
    before = path.read_text()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        ledger.save([finding("W-E5")], asked, "second")
    assert path.read_text() == before
    assert names_in(tmp_path) == ["ledger.json"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_files_have_the_mode_of_the_umask(record, tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        path = ledger.save([finding("W-P1")], Settings(results=tmp_path), "command")
        put(record, finding("W-P1"))
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (path, record)}
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
    read = json.loads(ledger.strict_json(found.as_json()), parse_constant=refuse)
    (saved,) = read["measurements"]
    for field in ("value", "low", "high"):
        if np.isnan(getattr(measured, field)):
            assert saved[field] is None
        else:
            assert float(saved[field]) == getattr(measured, field)


def test_json_that_is_none_is_never_written(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "no_nan", lambda value, **_: value)
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.save([finding("W-P1")], Settings(results=tmp_path), "command")
    assert names_in(tmp_path) == []


def test_numbers_of_numpy_are_plain_in_json(tmp_path):
    number = Measurement(
        quantity="q", value=np.float64("nan"), low=0.0, high=1.0, interval="", n=1
    )
    assert no_nan([{"a": number.value}, (1.5, "inf", True)], infinity_as_text=True) == [
        {"a": None},
        [1.5, "inf", True],
    ]
    of_arrays = [np.int64(3), np.bool_(True), np.float32("inf"), jnp.asarray(jnp.nan)]
    assert json.loads(ledger.strict_json(of_arrays)) == [3, True, "inf", None]
