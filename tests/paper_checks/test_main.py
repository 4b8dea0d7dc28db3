import json

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
    assert "paper_checks: the check has no power\n" in capsys.readouterr().err


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


def test_a_spoiled_record_is_one_line_of_text(run, capsys):
    ledger.RECORD.write_text("{")
    assert run("--only", "W-E5") == 2
    assert "paper_checks: " in capsys.readouterr().err
