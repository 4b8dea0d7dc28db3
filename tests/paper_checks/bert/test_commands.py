"""The command line: a small study from its runs to its table, and bad input."""

import json
from pathlib import Path

import pytest

from paper_checks.bert.__main__ import main
from paper_checks.bert.problem import load_problem
from paper_checks.bert.run import Run


@pytest.mark.long
def test_the_command_line_runs_collects_and_compares(
    made_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    common = [
        f"--data={made_up}",
        f"--encoder={made_up / 'model'}",
        f"--out={tmp_path}",
        "--epochs=1",
        "--batch=8",
        "--length=16",
        "--buckets=1",
    ]
    study = ["study", *common, "--seeds=1", "--sampled=4"]
    study += ["--tasks", "cola", "rte", "--no-alone"]
    assert main(study) == 0
    assert main(study) == 0
    assert "cola+rte-moving-seed0: has a result" in capsys.readouterr().out
    assert main(["collect", f"--out={tmp_path}", f"--into={tmp_path / 'a.json'}"]) == 0
    listed = json.loads((tmp_path / "a.json").read_text())["runs"]
    assert [one["alignment"] for one in listed] == ["moving", "none"]
    assert [len(one["similarity"]["after"]["cola+rte"]) for one in listed] == [3, 3]
    # A run that has its result needs no checkpoint.
    assert not list((tmp_path / "checkpoints").iterdir())
    assert main(["similarity", *common, "--tasks", "cola", "rte"]) == 0
    assert (tmp_path / "similarity" / "cola+rte-none-seed0.json").is_file()


def test_both_splits_may_be_cut_to_few_rows(made_up: Path):
    model = str(made_up / "model")
    run = Run(encoder=model, tasks=("cola", "rte"), rows=8, dev_rows=5, length=16)
    found = load_problem(run, made_up)
    assert [len(rows.labels) for rows in found.tasks.train] == [8, 8]
    assert [len(rows.labels) for rows in found.tasks.dev] == [5, 5]
    assert "at most 8 training rows a task" in found.notes
    assert "at most 5 dev rows a task" in found.notes


def test_bad_input_ends_with_one_line(
    made_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    model = f"--encoder={made_up / 'model'}"
    asked = {
        "length 64: the model has positions for 32": [model, "--length=64"],
        "there is no folder": ["--encoder=/no/such/folder"],
        "does not list qnli": [model, "--tasks=qnli", "--length=16"],
        "length must be in 8 to 512": [model, "--length=600"],
        "sampled must be >= 0": [model, "--sampled=-1"],
    }
    for said, words in asked.items():
        assert main(["run", f"--data={made_up}", f"--out={tmp_path}", *words]) == 2
        found = capsys.readouterr().err
        assert found.startswith("paper_checks.bert: ")
        assert said in found
    assert main(["plan", "--model=gpt"]) == 2
    assert "model must be one of bert-large" in capsys.readouterr().err


def test_a_plan_is_printed(capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "--devices", "1", "8", "--memory=4"]) == 2
    assert "does not fit on 1 devices" in capsys.readouterr().err
    assert main(["plan", "--devices", "8", "--memory=10"]) == 0
    said = capsys.readouterr().out
    assert "335.1 million" in said
    assert "--encoder bert-large-uncased --batch 32 --length 128" in said
