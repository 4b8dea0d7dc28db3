"""What the checker accepts, and what it rejects and where."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.theory.certificate_examples import (
    TRUE,
    change,
    factored,
    from_rows,
    metric,
    single,
    skew,
)
from theory import check

SOURCE = Path(check.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("build", TRUE)
def test_true_certificates_are_accepted(build: Callable[[], dict[str, Any]]):
    assert check.verify(json.dumps(build())).startswith("loss >= ")


@pytest.mark.parametrize("build", [single, metric, skew, from_rows])
def test_a_claim_above_the_optimum_is_rejected(build: Callable[[], dict[str, Any]]):
    least = build()["claim"]["loss_at_least"] + "000000001/1000000000"
    with pytest.raises(ValueError, match=r"^(claim.loss_at_least|evidence): "):
        check.verify(change(build, claim={"loss_at_least": least}))


BAD = {
    "another version": (change(single, version=2), "version: only"),
    "true for a version": (change(single, version=True), "version: only"),
    "another format": (change(single, format="pickle"), "version: only"),
    "truncated": (json.dumps(single(), indent=0)[:200], r"line \d+ column"),
    "empty": ("", "line 1 column 1"),
    "a list": ("[]", "file: must be an object"),
    "a duplicate key": (
        json.dumps(single()).replace('"rank"', '"version": 1, "rank"'),
        r"field \['version'\]: is there twice",
    ),
    "NaN": (
        json.dumps(single(), indent=0).replace('"rank": 1', '"rank": NaN'),
        "line 4: NaN: numbers must be strings",
    ),
    "a float": (
        json.dumps(single(), indent=0).replace('"rank": 1', '"rank": 1e99999'),
        "line 4: 1e99999",
    ),
    "a huge integer": (
        json.dumps(single(), indent=0).replace('"rank": 1', f'"rank": {"9" * 5000}'),
        "line 4: 9999",
    ),
    "a huge number": (
        change(single, claim={"loss_at_least": "9" * 5000}),
        "claim.loss_at_least: has more than 1000 characters",
    ),
    "a huge exponent": (
        change(single, claim={"loss_at_least": "0x1p9999"}),
        "claim.loss_at_least: exponent 9999 is too large",
    ),
    "infinity as text": (
        change(single, weights=["1", "Infinity"]),
        r"weights\[0\]\[1\]: not a rational number: 'Infinity'",
    ),
    "a zero denominator": (
        change(single, weights=["1", "1/0"]),
        r"weights\[0\]\[1\]: not a rational number: '1/0'",
    ),
    "digits of another script": (
        change(single, weights=["1", "\u0661"]),
        r"weights\[0\]\[1\]: not a rational",
    ),
    "code": (
        change(single, weights=["1", "__import__('os')"]),
        r"weights\[0\]\[1\]: not a rational",
    ),
    "a number that is no string": (
        change(single, weights=["1", 1]),
        r"weights\[0\]\[1\]: must be a string, not 1",
    ),
    "a negative weight": (change(single, weights=["1", "-1"]), r"weights\[1\]: is neg"),
    "too few weights": (change(single, weights=["1"]), r"weights\[0\]: has 1 entries"),
    "no tasks": (change(single, tasks=[]), "tasks: has 0 entries, not 1 to 256"),
    "too many tasks": (change(single, tasks=[{}] * 300), "tasks: has 300 entries"),
    "tasks of two kinds": (
        change(
            single, tasks=[{"moments": [["1"], ["1", "2"]]}, {"rows": [["1", "1"]]}]
        ),
        r"tasks\[1\]: field 'moments' is missing or unknown",
    ),
    "a triangle that is none": (
        change(single, tasks=[{"moments": [["1"], ["1"]]}] * 2),
        r"tasks\[0\].moments\[1\]: has 1 entries, not 2 to 2",
    ),
    "tasks of two sizes": (
        change(metric, tasks=[metric()["tasks"][0], single()["tasks"][0]]),
        r"tasks\[1\]: has another number of inputs",
    ),
    "rank 0": (change(single, rank=0), "rank: is not in 1 to 127"),
    "a rank of text": (change(single, rank="1"), "rank: is not in 1 to 127"),
    "no evidence": (change(single, evidence=None), "evidence: must be an object"),
    "unknown evidence": (
        change(single, evidence__kind="oracle"),
        "evidence.kind: must be 'skew' or 'metric'",
    ),
    "an unknown field": (change(single, evidence__x="1"), "evidence: field 'x' is"),
    "a missing field": (
        json.dumps({k: v for k, v in single().items() if k != "claim"}),
        "file: field 'claim' is missing or unknown",
    ),
    "a witness that is missing": (change(single, witness=None), "witness: must be an"),
    "a factor that is none": (
        change(factored, evidence__factors=[[["1"]], None, None, None]),
        r"evidence.tasks\[0\].factor: has 1 entries, not 2 to 2",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_rejected_with_its_line_or_field(kind: str):
    text, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        check.verify(text)


def test_deep_nesting_is_rejected(tmp_path: Path):
    file = tmp_path / "deep.json"
    file.write_text("[" * 100_000)
    assert check.main([str(file)]) == 1


def test_work_is_bounded():
    d = 60
    entries = [[f"0x{'f' * 900}p-{i + j}" for j in range(i + 1)] for i in range(d + 1)]
    zeros = [["0"] * (i + 1) for i in range(d)]
    text = change(
        single,
        weights=["1"],
        tasks=[{"moments": entries}],
        claim={"loss_at_least": "0"},
        evidence={
            "kind": "metric",
            "residuals": ["0"],
            "shares": ["0"],
            "moments": [["0"] * d],
            "level": "0",
            "cover": zeros,
        },
    )
    with pytest.raises(ValueError, match="61 rows is too much work: give a factor"):
        check.verify(text)
    many = [f"1/{10**900 + i}" for i in range(100)]
    wide = {"moments": [["1"] * (i + 1) for i in range(99)] + [many]}
    with pytest.raises(ValueError, match="denominators are too large"):
        check.verify(
            change(
                single,
                weights=["1"],
                tasks=[wide],
                evidence=json.loads(text)["evidence"]
                | {
                    "moments": [["0"] * 99],
                    "cover": [["0"] * (i + 1) for i in range(99)],
                },
                claim={"loss_at_least": "0"},
            )
        )


def test_files_are_judged_one_a_line_without_our_packages(tmp_path: Path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(single()))
    bad.write_text(change(single, claim={"loss_at_least": "3"}))

    def run(*arguments: str) -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-I", check.__file__, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout.splitlines()

    assert run(str(good)) == (0, [f"ACCEPTED {good}: loss >= 2 by 'metric'"])
    status, lines = run("--json", str(good), str(bad), str(tmp_path / "none"))
    assert status == 1
    assert [json.loads(line)["accepted"] for line in lines] == [True, False, False]
    assert "claim.loss_at_least" in json.loads(lines[1])["reason"]
    assert run()[0] == run("--unknown")[0] == 2


def test_the_checker_is_short_and_imports_the_standard_library_alone():
    assert len(SOURCE.splitlines()) <= 300
    names = [
        line.split()[1]
        for line in SOURCE.splitlines()
        if line[:5] in ("impor", "from ")
    ]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    assert "float(" not in SOURCE
