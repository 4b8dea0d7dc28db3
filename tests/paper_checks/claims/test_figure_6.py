"""W-F6: the printed table, and capacities of made-up curves."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks.claims import figure_6
from paper_checks.judge.verdict import Verdict
from paper_checks.sentences.best_capacity import best_of
from paper_checks.settings import Settings
from tests.paper_checks.sentences.sentence_data import TARGETS, curves, made

SETTINGS = Settings(data=Path("/there"))


def test_the_printed_table_is_added_up():
    found = figure_6.table_finding(Settings())
    assert found.verdict is Verdict.FAILS
    value = {one.quantity: one.value for one in found.measurements}
    together = [90.8, 96.0, 78.7, 89.5, 87.0, 78.7]
    wanted = 85.1 - sum(together) / 6
    assert value["printed mean together less that of its column"] == pytest.approx(
        wanted
    )
    assert value["printed total capacity less the sum of its column"] == 0
    assert figure_6.printed_gains() == pytest.approx((14.05, -0.8))


def test_capacities_are_chosen_on_dev_parts(given, on_record):
    given["study"] = curves()
    best = best_of(given["study"], "near")
    assert best is not None
    assert (best.capacity, best.summed) == (100, 150)
    np.testing.assert_allclose(best.alone.mean(), 73, atol=0.1)
    np.testing.assert_allclose(best.together.mean(), 74, atol=0.1)
    _, near, naive = figure_6.find(SETTINGS)
    assert (near.verdict, naive.verdict) == (Verdict.HOLDS, Verdict.HOLDS)
    (chosen,) = [
        one
        for one in near.measurements
        if "capacity together, n" in one.quantity and "near" in one.quantity
    ]
    assert (chosen.value, chosen.interval, chosen.n) == (
        100,
        "none: a mean of choices",
        2,
    )
    given["study"]["together"].loc[{"protocol": "near"}] -= 3
    _, near, naive = figure_6.find(SETTINGS)
    assert (near.verdict, naive.verdict) == (Verdict.FAILS, Verdict.HOLDS)
    told = "2 runs, SST and MR +1.00 and then -2.00, the others +1.00 and then -2.00"
    assert told in near.reason
    # A gain that could be chance settles nothing.
    unclear = curves()
    unclear["together"].loc[{"run": 0}] += 5
    unclear["together"].loc[{"run": 1}] -= 4
    given["study"] = unclear
    assert figure_6.find(SETTINGS)[1].verdict is Verdict.NEEDS_DATA
    given["study"] = curves()
    given["study"]["together"].loc[{"protocol": "near"}] -= 3
    # What is on record of an encoder is told rather than what is measured, if it is of
    # both protocols.
    on_record("sentence_capacity", curves())
    assert told not in figure_6.find(SETTINGS)[1].reason
    on_record("sentence_capacity", curves().sel(protocol=["naive"]))
    assert told in figure_6.find(SETTINGS)[1].reason
    # A capacity that was not trained alone is not chosen together.
    given["study"] = curves()
    given["study"]["alone"].loc[{"width": 100, "protocol": "near"}][0] = np.nan
    fewer = best_of(given["study"], "near")
    assert fewer is not None
    assert (fewer.capacity, fewer.summed) == (25, 150)
    given["study"]["alone"].loc[{"protocol": "near"}] = np.nan
    assert best_of(given["study"], "near") is None
    # Nor does a sweep decide of which a capacity is to be trained yet.
    assert figure_6.judged(curves(), "near").complete
    assert not figure_6.judged(curves().sel(width=[5, 25]), "near").complete
    # Six times 25 is above all that were trained together.
    assert "none above 100 was trained" in figure_6.judged(curves(), "near").reason
    given["study"] = curves()
    given["study"]["alone_dev"].loc[{"width": 5}] = 9  # 6 x 5 < 100
    assert "none above" not in figure_6.judged(given["study"], "near").reason
    assert figure_6.find(SETTINGS)[1].verdict is Verdict.FAILS


def test_the_leak_is_told_of_mr_beside_sst(on_record):
    on_record("sentence_capacity", curves())
    assert "Beside SST alone" not in figure_6.find(Settings())[1].reason
    leaking = made("target", TARGETS)
    leaking["together"].loc[{"protocol": "naive", "target": "mr"}] += 8
    on_record("sentence_transfer", leaking, "lstm")
    on_record("sentence_transfer", leaking.sel(protocol=["near"]), "cnn")
    said = figure_6.find(Settings())[1].reason
    part = leaking["together"] - leaking["alone"]
    by_run = part.sel(protocol="naive", target="mr").to_numpy()
    # Of Student with two degrees of freedom, 97.5 %; rows shared by an eighth.
    half = 4.302653 * by_run.std(ddof=1) * np.sqrt(1 / 3 + 1 / 8)
    mean = by_run.mean()
    wanted = f"MR gains {mean:+.2f} [{mean - half:.2f}, {mean + half:.2f}] and then "
    assert wanted in said
    assert said.endswith("(lstm, 3 runs)")


def test_a_sweep_that_is_not_whole_is_compared_where_both_are(on_record):
    part = curves()
    part["alone"].loc[{"protocol": "naive", "width": [5, 25]}] = np.nan
    part["together"].loc[{"protocol": "naive"}] += 2
    # At 25, which was not trained naively, training together looks better than it is.
    part["together"].loc[{"protocol": "near", "width": 25}] += 7
    part["together_dev"].loc[{"protocol": "near", "width": 25}] += 7
    on_record("sentence_capacity", part, "lstm")
    near = figure_6.find(Settings())[1].reason
    assert "in points naive (capacities 100) +" in near
    told = "lstm, 2 runs at capacity 100, SST and MR +4.00 and then +2.00, the others"
    assert told in near
