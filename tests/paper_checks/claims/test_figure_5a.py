"""The verdict on W-F5a from results of runs, made up here."""

import dataclasses
import json
import subprocess
import sys
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from paper_checks.claims.figure_5a import CLAIM, TASKS, flipped
from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from paper_checks.studies import bert_alignment as study
from paper_checks.studies.bert_alignment import NAME, PRINTED_GAIN, paired

PROTOCOL = {"encoder": "all-MiniLM-L6-v2", "epochs": 3, "rows": None}


def results(gain: float, groups: list[tuple[str, ...]], seeds: int = 5) -> dict:
    rng = np.random.default_rng(0)
    found = []
    for group in groups:
        for seed in range(seeds):
            base = 70 + 2 * rng.normal()
            for how, more in (("none", 0.0), ("moving", gain + 0.5 * rng.normal())):
                scores = {task: {"score": base + more} for task in group}
                found.append(
                    {"tasks": group, "sources": [], "alignment": how, "seed": seed}
                    | {"scores": scores}
                )
    return {"protocol": PROTOCOL, "notes": ["QNLI: 2,000 rows"], "runs": found}


ALL = [*combinations(TASKS, 2), TASKS]


def find(results_folder: Path, path: Path) -> Finding:
    claim = dataclasses.replace(CLAIM, study=partial(study.results, path=path))
    return claim.find(Settings(results=results_folder))


def judged(tmp_path: Path, found: dict) -> Finding:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(found))
    return find(tmp_path / "out", path)


def test_without_results_it_needs_data(tmp_path: Path):
    found = find(tmp_path, tmp_path / "absent.json")
    assert found.verdict is Verdict.NEEDS_DATA
    assert "python -m paper_checks.bert study" in found.caveats[0]
    assert not (tmp_path / f"{NAME}.zarr").exists()
    one = judged(tmp_path, results(1.0, ALL, seeds=1))
    assert one.verdict is Verdict.NEEDS_DATA
    assert "with two seeds" in one.headline


def test_a_gain_holds_and_none_fails(tmp_path: Path):
    found = judged(tmp_path, results(2.0, ALL))
    assert found.verdict is Verdict.HOLDS
    assert found.headline.endswith("10 of 10 pairs gain on average")
    assert "QNLI: 2,000 rows." in found.caveats
    assert len(found.measurements) == 11
    assert found.measurements[0].quantity.endswith("all five together")
    assert judged(tmp_path, results(-2.0, ALL)).verdict is Verdict.FAILS
    none = judged(tmp_path, results(0.0, ALL))
    assert none.verdict is Verdict.FAILS
    assert none.measurements[0].high < PRINTED_GAIN


def test_an_interval_with_room_for_either_needs_more_seeds(tmp_path: Path):
    found = results(0.0, ALL, seeds=2)
    for one in found["runs"]:
        if len(one["tasks"]) > 2 and one["alignment"] == "moving" and one["seed"]:
            one["scores"] = {task: {"score": 75.0} for task in one["tasks"]}
    said = judged(tmp_path, found)
    gain = said.measurements[0]
    assert gain.low < 0 < PRINTED_GAIN < gain.high
    assert said.verdict is Verdict.UNDECIDED
    assert "more seeds are needed" in said.caveats[-1]


def test_a_part_of_the_study_is_measured_but_not_judged(tmp_path: Path):
    found = judged(tmp_path, results(2.0, ALL[:3]))
    assert found.verdict is Verdict.UNDECIDED
    assert "3 of 3 pairs gain" in found.headline
    assert "Not all groups" in found.caveats[-1]
    assert len(found.measurements) == 3


def test_seeds_that_gain_the_same_have_no_interval(tmp_path: Path):
    found = results(2.0, ALL, seeds=2)
    found["runs"] += [
        {"tasks": ["rte"], "sources": [], "alignment": "none", "seed": seed}
        | {"scores": {"rte": {"score": 50.0 + seed}}}
        for seed in (0, 1)
    ]
    for one in found["runs"]:
        if one["tasks"] == ALL[0]:
            one["scores"] = {task: {"score": 60.0} for task in one["tasks"]}
    said = judged(tmp_path, found)
    (same,) = [one for one in said.measurements if "none: all" in one.interval]
    assert same.quantity.endswith("cola + mrpc")
    assert (same.value, same.n) == (0, 2)
    assert "9 of 10 pairs gain" in said.headline
    assert "In single-task training tasks score rte 50.5." in said.details


def test_gains_are_paired_by_seed():
    arms = {"none": {0: 60.0, 1: 70.0, 2: 1.0}, "moving": {1: 71.0, 0: 62.0}}
    assert paired(arms, "moving").tolist() == [2.0, 1.0]


def test_a_coin_for_a_sign_is_seldom_taken_for_a_gain(tmp_path: Path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results(2.0, [TASKS], seeds=8)))
    found = study.results(Settings(results=tmp_path), path)
    assert isinstance(found, study.Alignment)
    (control,) = flipped(found)
    assert control.convincing
    # A two-sided interval of 95 % is above 0 in about a fortieth of the draws.
    assert control.noticed > 0.9 * control.instances


def test_files_that_are_no_results_are_refused(tmp_path: Path):
    for found in ({"runs": []}, {"runs": [{}], "protocol": {}, "notes": []}):
        with pytest.raises(ValueError, match="is no file of results"):
            judged(tmp_path, found)


@pytest.mark.long
def test_the_claim_needs_nothing_of_the_extra():
    script = """
import sys
import paper_checks.claims.figure_5a
for name in ("orbax", "tokenizers", "safetensors", "torch"):
    assert name not in sys.modules, name
"""
    subprocess.run([sys.executable, "-c", script], check=True)
