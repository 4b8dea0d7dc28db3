import json
from dataclasses import replace

import pytest

from paper_checks import __main__ as front
from paper_checks import ledger
from paper_checks.judge import Control, Evidence, StudyClaim, extreme, registry
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from paper_checks.report import markdown


def free(verdict=Verdict.HOLDS, error=None) -> StudyClaim:
    """A claim that costs nothing."""

    def study(_):
        if error is not None:
            raise error

    holds = verdict is Verdict.HOLDS
    return StudyClaim(
        id="W-E5",
        title="title of W-E5",
        source="W",
        statement="statement of W-E5",
        headline="a | b",
        details=("c = 3.",),
        study=study,
        judged=lambda _: Evidence(
            holds=holds,
            controls=(Control(dropped="r = 1", noticed=7, instances=9),),
            measurements=(extreme("size", [float("inf")]),),
        ),
    )


@pytest.fixture
def know(monkeypatch):
    """Have the registry know one claim."""

    def one(*args, **options):
        known = {"W-E5": free(*args, **options)}
        monkeypatch.setattr(registry, "known", lambda folder=None: known)
        monkeypatch.setattr(registry, "by_file", lambda names, _=None: [list(names)])
        monkeypatch.setattr(front.linear_benchmarks, "studies", lambda *_: None)
        monkeypatch.setattr(ledger, "sweeps_of", lambda *_, **__: [])

    one()
    return one


@pytest.fixture
def run(tmp_path, monkeypatch, know):
    """The command line on a record of our own."""
    monkeypatch.setattr(ledger, "RECORD", tmp_path / "findings.json")
    monkeypatch.setattr(markdown, "write_tables", lambda kept: None)

    def call(*words: str) -> int:
        return front.main(["--results", str(tmp_path / "out"), *words])

    return call


def test_exit_status_tells_whether_a_verdict_has_changed(run, know, capsys):
    only = ("--only", "W-E5")
    assert run(*only) == 1
    assert "recorded not on record" in capsys.readouterr().out
    assert run(*only, "--record") == 0
    assert run(*only) == 0
    know(Verdict.FAILS)
    assert run(*only) == 1
    assert "W-E5 changed: recorded holds, measured fails" in capsys.readouterr().out


def test_results_are_written_even_if_a_verdict_has_changed(run, tmp_path):
    assert run("--only", "W-E5") == 1
    saved = json.loads((tmp_path / "out" / "ledger.json").read_text())
    assert saved["findings"][0]["claim"] == "W-E5"
    assert "--only W-E5" in saved["about"]["command"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", "W-E9"), "no claim ['W-E9']: there are W-E5"),
        (("--only", "W-E5", "--data", "/no/such/folder"), "/no/such/folder"),
        (("--data", "/no/such/folder"), "/no/such/folder"),
    ],
)
def test_what_cannot_be_measured_is_one_line_of_text(run, tmp_path, capsys, words,
                                                     message):  # fmt: skip
    assert run(*words) == 2
    error = capsys.readouterr().err.strip().splitlines()
    (line,) = [line for line in error if line.startswith("paper_checks: ")]
    assert message in line
    assert line == error[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("only", [(), ("--only", "W-E5")])
@pytest.mark.parametrize(
    ("manifest", "message"),
    [(None, "is not a folder"), ("", "manifest.json"), ("{", "not JSON")],
)
def test_a_bad_folder_is_told_before_anything_is_computed(
    run, know, tmp_path, monkeypatch, capsys, only, manifest, message
):
    def compute(*_: object) -> None:
        raise AssertionError("computed before the folder was looked at")

    know(error=AssertionError("computed before the folder was looked at"))
    monkeypatch.setattr(front.linear_benchmarks, "studies", compute)
    folder = tmp_path / "data"
    if manifest is not None:
        folder.mkdir()
    if manifest:
        (folder / "manifest.json").write_text(manifest)
    assert run(*only, "--data", str(folder)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(folder) in error
    assert not (tmp_path / "out").exists()


def test_a_fault_of_a_check_is_no_verdict(run, know, capsys):
    know(error=CheckError("the check has no power"))
    assert run("--only", "W-E5") == 2
    assert "paper_checks: W-E5: the check has no power\n" in capsys.readouterr().err


def test_a_fault_of_one_claim_leaves_the_others_their_findings(
    run, know, monkeypatch, tmp_path, capsys
):
    known = {"W-E4": replace(free(error=ValueError("no such set")), id="W-E4")}
    monkeypatch.setattr(registry, "known", lambda folder=None: known | {"W-E5": free()})
    assert run("--only", "W-E4", "W-E5", "--record") == 2
    assert "paper_checks: W-E4: no such set\n" in capsys.readouterr().err
    saved = json.loads((tmp_path / "out" / "ledger.json").read_text())
    assert [found["claim"] for found in saved["findings"]] == ["W-E5"]
    assert set(ledger.recorded(tmp_path / "findings.json")["bundled data"]["findings"])


def test_findings_are_printed_in_full_or_as_json(run, capsys):
    run("--only", "W-E5", "--record")
    capsys.readouterr()
    assert run("--only", "W-E5", "--explain") == 0
    said = capsys.readouterr().out
    for part in ("title of W-E5", "a | b", "c = 3.", "statement of W-E5", "7 of 9"):
        assert part in said
    assert run("--only", "W-E5", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["measurements"][0]["value"] == "inf"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"bundled data": {}}', '{"a": {"findings": {"X": {}}}}', "\0"]
)
def test_a_spoiled_record_is_told_by_name_before_anything_is_measured(
    run, know, capsys, text
):
    know(error=AssertionError("measured before the record was read"))
    ledger.RECORD.write_text(text)
    assert run("--only", "W-E5") == 2
    assert f"{ledger.RECORD} is no record of findings" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(
    run, know, capsys, tmp_path
):
    know(error=AssertionError("measured before the folder was tried"))
    (tmp_path / "file").touch()
    assert run("--only", "W-E5", "--results", str(tmp_path / "file")) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_a_record_says_what_it_changes_and_not_that_all_is_as_recorded(
    run, know, capsys
):
    def said(*words: str) -> str:
        assert run("--only", "W-E5", *words) == 0
        return capsys.readouterr().out

    first = said("--record")
    assert "recorded now, 1 new and 0 changed" in first
    know(Verdict.FAILS)
    second = said("--record")
    assert "W-E5 changed: recorded holds, measured fails" in second
    assert "recorded now, 0 new and 1 changed" in second
    assert "as recorded" not in first + second
    assert "all as recorded" in said()


def test_a_claim_on_record_that_no_file_defines_is_a_change(run, capsys):
    assert run("--only", "W-E5", "--record") == 0
    kept = ledger.recorded(ledger.RECORD)
    findings = kept["bundled data"]["findings"]
    findings["W-OLD"] = {**findings["W-E5"], "claim": "W-OLD"}
    ledger.RECORD.write_text(json.dumps(kept))
    capsys.readouterr()
    assert run("--only", "W-E5") == 1
    assert "W-OLD changed: recorded holds, measured nothing" in capsys.readouterr().out
    assert run("--only", "W-E5", "--record") == 0
    assert list(ledger.recorded(ledger.RECORD)["bundled data"]["findings"]) == ["W-E5"]


def test_changes_are_told_beside_json(run, capsys):
    assert run("--only", "W-E5", "--json") == 1
    told = capsys.readouterr()
    assert json.loads(told.out)
    assert "W-E5 changed" in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seed", "-1"), "seed must be in [0, 2**32), got -1"),
        (("--seed", str(2**32)), "seed must be in [0, 2**32), got 4294967296"),
        (("--processes", "0"), "processes must be at least 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_named(run, capsys, words, message):
    assert run("--only", "W-E5", *words) == 2
    assert f"paper_checks: {message}" in capsys.readouterr().err


def test_an_interrupt_is_one_line(run, know, capsys):
    know(error=KeyboardInterrupt())
    assert run("--only", "W-E5") == 130
    assert capsys.readouterr().err.endswith("interrupted; sweeps that are done stay\n")


OWN = """
import os
from paper_checks.judge import StudyClaim


class Odd(Exception):
    def __init__(self, first, second):  # cannot be sent between processes
        super().__init__(first)


def study(settings):
    {fault}


CLAIM = StudyClaim(id="{number}", title="t", source="s", statement="s", headline="h",
                   study=study, judged=lambda found: found)
"""


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raise Odd('one', 'two')", "X-1: x_1.py, line 12: Odd: one\n"),
        ("return {}['gain']", "X-1: x_1.py, line 12: KeyError: 'gain'\n"),
        ("return int('many')", "X-1: x_1.py, line 12: invalid literal for int"),
    ],
)
def test_a_fault_of_a_claim_is_one_line_with_its_place(
    run, tmp_path, capsys, monkeypatch, fault, message
):
    monkeypatch.undo()
    (tmp_path / "x_1.py").write_text(OWN.format(number="X-1", fault=fault))
    assert (
        front.main(["--claims", str(tmp_path), "--results", str(tmp_path / "r")]) == 2
    )
    assert f"paper_checks: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raise Odd('one', 'two')", "X-1: x_1.py, line 12: Odd: one"),
        ("os._exit(3)", "a process ended at once, maybe for want of memory, in one of"),
    ],
)
def test_a_fault_in_another_process_is_one_line(tmp_path, capsys, fault, message):
    for number in ("X-1", "X-2"):
        name = number.lower().replace("-", "_")
        (tmp_path / f"{name}.py").write_text(OWN.format(number=number, fault=fault))
    words = ["--claims", str(tmp_path), "--results", str(tmp_path / "r")]
    assert front.main([*words, "--only", "X-1", "X-2", "--processes", "2"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in last.replace("X-2: x_2", "X-1: x_1")


def test_a_run_of_all_claims_writes_the_report_and_says_where(run, tmp_path, capsys):
    assert run("--record") == 0
    capsys.readouterr()
    assert run() == 0
    last = capsys.readouterr().out.splitlines()[-2:]
    assert last[0].startswith("1 claim: 1 hold; all as recorded. 0 min ")
    index = tmp_path / "out" / "report" / "index.html"
    assert last[1] == (
        f"Read them at {index}; one claim: information-transfer verify W-E5 --explain"
    )
    assert "title of W-E5" in index.read_text()
    assert "W-P3" not in index.read_text()


def test_claims_are_named_without_an_option_and_leave_the_report_alone(
    run, tmp_path, capsys
):
    assert run("W-E9") == 2
    assert "no claim ['W-E9']" in capsys.readouterr().err
    assert run("W-E5", "--record") == 0
    assert not (tmp_path / "out" / "report").exists()
    said = capsys.readouterr().out
    assert f"Everything that was measured: {tmp_path}/out/ledger.json" in said
