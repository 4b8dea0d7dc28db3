"""Each rule of the checker is needed: without it a false certificate is accepted."""

import json
import types
from pathlib import Path

import pytest

from tests.theory.certificate_examples import (
    change,
    factored,
    from_rows,
    metric,
    single,
    skew,
)
from theory import check

SOURCE = Path(check.__file__).read_text(encoding="utf-8")

# A rule of the checker, the rule broken, and a false certificate that it alone stops.
ZERO, ONE = [["0"], ["0", "0"]], [["1"], ["0", "1"], ["0", "0", "0"]]
TWINS = [{"moments": [["1"], ["0", "1"], ["1", "1", "2"]]}] * 2
MUTATIONS = {
    "skew matrices are for rank 1": (
        'ensure(rank == 1, "evidence.kind"',
        'ensure(True, "evidence.kind"',
        change(skew, rank=2),
    ),
    "the evidence proves the claim": (
        "proven = metric(tasks, evidence, rank) >= least",
        "proven = metric(tasks, evidence, rank) is not None",
        change(single, claim={"loss_at_least": "3"}),
    ),
    "no pivot is negative": (
        "fine = pivot > 0 or (",
        "fine = pivot != 0 or (",
        change(single, claim__loss_at_least="3", evidence__residuals=["1", "2"]),
    ),
    "the column of a zero pivot is zero": (
        "pivot == 0 and not any(column[p:])",
        "pivot == 0",
        change(
            single,
            tasks=[{"moments": [["0"], ["1", "2"]]}] * 2,
            evidence__residuals=["2", "2"],
            claim={"loss_at_least": "4"},
        ),
    ),
    "elimination": (
        "(pivot * a[i][j] - column[i] * column[j]) // last",
        "a[i][j]",
        change(single, evidence__residuals=["2", "3"], claim={"loss_at_least": "5"}),
    ),
    "the rest is diagonally dominant": (
        "2 * sizes[i] >= sum(sizes)",
        "2 * sizes[i] >= 0",
        change(
            factored,
            evidence__residuals=["2", "3"],
            evidence__factors=[ZERO, ZERO, None, None],
            claim={"loss_at_least": "5"},
        ),
    ),
    "the rest has no negative diagonal": (
        "rest[i] >= 0 and 2 * sizes",
        "2 * sizes",
        change(
            factored,
            evidence__residuals=["9", "1"],
            evidence__factors=[[["1"], ["1", "5"]], None, None, None],
            claim={"loss_at_least": "10"},
        ),
    ),
    "the rest is what the factor leaves": (
        "scale**2 * x - unit * y for",
        "scale**2 * x + unit * y for",
        change(
            factored,
            evidence__residuals=["9", "1"],
            evidence__factors=[[["0"], ["0", "5"]], None, None, None],
            claim={"loss_at_least": "10"},
        ),
    ),
    "shares are not negative": (
        "fine = w > 0 or (w == 0 and",
        "fine = w != 0 or (w == 0 and",
        change(
            metric,
            evidence__shares=["-1", "-1"],
            evidence__level="0",
            evidence__cover=ONE,
            claim__loss_at_least="34",
        ),
    ),
    "a share of 0 has no moment": (
        "(w == 0 and not any(moment))",
        "w == 0",
        change(
            metric,
            evidence__shares=["0", "0"],
            evidence__residuals=["75/4", "27/4"],
            evidence__moments=[["5/2", "0"], ["0", "3/2"]],
            evidence__level="9/4",
            evidence__cover=[["1"], ["0", "1"], ["2", "0", "4"]],
            claim__loss_at_least="19",
        ),
    ),
    "the level is not negative": (
        'ensure(level >= 0, "evidence.level"',
        'ensure(True, "evidence.level"',
        change(single, evidence__level="-5", claim={"loss_at_least": "7"}),
    ),
    "the level and V cover the moments": (
        'semidefinite("evidence.level", rest, factors[k])',
        "None",
        change(metric, evidence__cover=ONE, claim__loss_at_least="25"),
    ),
    "T covers V": (
        'semidefinite("evidence.cover", cover, factors[k + 1])',
        "None",
        change(
            metric,
            evidence__cover=[["1"], ["0", "1"], ["4", "0", "0"]],
            claim__loss_at_least="25",
        ),
    ),
    "every task is above its minorant": (
        'semidefinite(f"evidence.tasks[{i}]", full, factors[i])',
        "None",
        change(metric, evidence__residuals=["26", "9"], claim__loss_at_least="10"),
    ),
    "the metric is taken off every task": (
        "[w * x for x in row]",
        "[0 * x for x in row]",
        change(
            metric,
            evidence__shares=["2", "2"],
            evidence__level="9/2",
            evidence__cover=[["1"], ["0", "1"], ["3", "0", "9"]],
            claim__loss_at_least="20",
        ),
    ),
    "every direction costs the level": (
        "-rank * level - trace",
        "-level - trace",
        change(metric, rank=2),
    ),
    "the trace of T is paid": (
        "-rank * level - trace",
        "-rank * level",
        change(metric, claim__loss_at_least="25"),
    ),
    "the blocks are skew": (
        "full[p + b][q + a] = full[q + a][p + b] = -x",
        "full[p + b][q + a] = full[q + a][p + b] = x",
        change(
            skew,
            tasks=TWINS,
            evidence__blocks=[[["1/2"]]],
            claim__loss_at_least="1",
        ),
    ),
    "the claim is in the matrix": (
        "for task in tasks), -claim)",
        "for task in tasks), 0 * claim)",
        change(skew, evidence__blocks=[[["-3/5"]]], claim__loss_at_least="33"),
    ),
    "weights count": (
        "[[weight * x for x in row]",
        "[[x for x in row]",
        change(single, weights=["1/4", "1/4"], claim={"loss_at_least": "2"}),
    ),
    "weights are not negative": (
        'ensure(weight >= 0, f"weights',
        'ensure(True, f"weights',
        change(
            single,
            weights=["-1", "0"],
            tasks=[{"moments": [["0"], ["0", "1"]]}] * 2,
            evidence__residuals=["-1", "0"],
            claim={"loss_at_least": "-1"},
        ),
    ),
    "the module has the loss": (
        'ensure(most >= 0, "claim.loss_at_most"',
        'ensure(True, "claim.loss_at_most"',
        change(single, witness__heads=[["1"], ["2"]]),
    ),
    "the rows have the hash": (
        'ensure(same, "rows_sha256"',
        'ensure(True, "rows_sha256"',
        change(
            from_rows,
            tasks=[{"rows": [["1", "1"], ["0", "7"]]}] * 2,
            claim={"loss_at_least": "2"},
        ),
    ),
    "the version is this one": (
        'ensure(known, "version"',
        'ensure(True, "version"',
        change(single, version=2),
    ),
    "no field is there twice": (
        "ensure(not twice, ",
        "ensure(True, ",
        json.dumps(single())[:-1] + ', "rank": 1}',
    ),
    "no field is unknown": (
        'ensure(fine, where, f"field',
        'ensure(True, where, f"field',
        change(single, proof="trust me"),
    ),
    "numbers have a bounded length": (
        "len(value) <= MOST_DIGITS, where",
        "True, where",
        change(single, claim={"loss_at_least": "-" + "9" * 2000}),
    ),
    "exponents are bounded": (
        "abs(power) <= MOST_EXPONENT, where",
        "True, where",
        change(single, claim={"loss_at_least": "-0x1p+9999"}),
    ),
}


@pytest.mark.parametrize("rule", MUTATIONS)
def test_every_rule_stops_a_certificate_that_nothing_else_stops(rule: str):
    text, broken, false = MUTATIONS[rule]
    with pytest.raises(ValueError, match=": "):
        check.verify(false)
    assert SOURCE.count(text) == 1
    mutant = types.ModuleType("mutant")
    exec(compile(SOURCE.replace(text, broken), "mutant", "exec"), vars(mutant))
    assert mutant.verify(false).startswith("loss >= ")
