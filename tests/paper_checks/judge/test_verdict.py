import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import (
    CheckError,
    Measurement,
    decided,
    extreme,
    failure_rate,
    mean_with_interval,
    runs_to_decide,
    share_broken,
)
from paper_checks.judge.study_claim import family
from paper_checks.judge.verdict import Control, Verdict, judge

SEEN = Control(dropped="common X", noticed=5, instances=10)


@pytest.mark.parametrize("holds", [True, False])
def test_a_check_with_power_gives_a_verdict(holds):
    assert judge(holds, (SEEN,)) is (Verdict.HOLDS if holds else Verdict.FAILS)


@pytest.mark.parametrize("holds", [True, False])
def test_a_verdict_needs_a_control_and_what_is_open_needs_none(holds):
    with pytest.raises(CheckError, match="the check has no control"):
        judge(holds, ())
    assert judge(None, ()) is Verdict.UNDECIDED


@pytest.mark.parametrize(("noticed", "instances"), [(4, 10), (0, 1), (0, 0)])
@pytest.mark.parametrize("holds", [True, False])
def test_a_check_without_power_gives_none(noticed, instances, holds):
    blind = Control(dropped="r >= k", noticed=noticed, instances=instances)
    with pytest.raises(RuntimeError, match=rf"'r >= k' it noticed {noticed} of"):
        judge(holds, (SEEN, blind))


def test_marks_of_instances_are_counted_and_one_that_breaks_decides():
    found = share_broken("broken", [False, True, False, False])
    assert (found.value, found.n, found.flips_at) == (0.25, 4, 0.25)
    control = Control.among("common X", np.array([[True, False], [True, True]]))
    assert control == Control(dropped="common X", noticed=3, instances=4)
    assert not Control.among("common X", []).convincing


@given(count=st.integers(1, 10_000), share=st.floats(0, 1))
def test_clopper_pearson_is_that_of_the_beta_law(count, share):
    broken = int(share * count)
    found = failure_rate("rate", broken, count)
    low = stats.beta.ppf(0.025, broken, count - broken + 1) if broken else 0
    high = stats.beta.ppf(0.975, broken + 1, count - broken) if broken < count else 1
    assert found.value == broken / count
    assert found.n == count
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_a_mean_comes_with_students_interval():
    found = mean_with_interval("q", [1.0, 2.0, 3.0, 6.0])
    assert found.value == 3
    # s² = 14/3, t_{3, 0.975} = 3.18245.
    half = 3.182446305 * np.sqrt(14 / 3 / 4)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))
    assert (found.n, found.interval) == (4, "95 % Student")


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(1.0, 2.0, size=(500, 6))
    for confidence in (0.8, 0.95):
        found = [mean_with_interval("q", row, confidence=confidence) for row in draws]
        share = np.mean([m.low <= 1 <= m.high for m in found])
        # Five standard errors of a share of 500.
        room = 5 * np.sqrt(confidence * (1 - confidence) / len(draws))
        assert abs(share - confidence) < room


@pytest.mark.parametrize(
    ("values", "message"),
    [
        # The standard deviation of three times 0.1 is 1.7e-17, not 0.
        ([0.1] * 3, "do not differ"),
        ([2.0], "do not differ"),
        ([], "do not differ"),
        ([1.0, np.nan], "1 of 2 values are not finite"),
        ([1.0, np.inf, -np.inf], "2 of 3 values are not finite"),
    ],
)
def test_values_without_spread_measure_nothing(values, message):
    with pytest.raises(CheckError, match=f"gain: .*{message}"):
        mean_with_interval("gain", values)


def test_an_extreme_has_no_interval_and_keeps_a_nan():
    found = extreme("q", [1.0, 3.0])
    assert found.value == 3
    assert np.isnan([found.low, found.high]).all()
    assert str(found) == "q: 3 (n=2)"
    assert np.isnan(extreme("q", [1.0, np.nan]).value)


def test_a_finding_is_plain_in_json():
    number = Measurement(quantity="q", value=1.0, low=0.5, high=2.0, interval="i", n=3)
    found = Finding(
        claim="W-X",
        title="t",
        headline="h",
        statement="s",
        source="W",
        verdict=Verdict.NEEDS_DATA,
        measurements=(number,),
        controls=(SEEN,),
        data="none",
        seed=0,
    )
    plain = json.loads(json.dumps(found.as_json()))
    assert plain["verdict"] == "needs data"
    assert plain["measurements"][0]["high"] == 2.0
    assert plain["controls"][0]["noticed"] == 5
    assert str(number) == "q: 1 [0.5, 2] (n=3)"


def test_splits_that_share_rows_get_a_wider_interval():
    values = np.arange(20.0)
    free = mean_with_interval("gain", values)
    shared = mean_with_interval("gain", values, overlap=0.5)
    widths = [found.high - found.low for found in (free, shared)]
    # √(1/20 + 1/2) over √(1/20).
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(11), rel=1e-12)
    assert "shared rows" in shared.interval


def mean(value, spread=1.0, n=9):
    sample = np.linspace(-1, 1, n)
    return mean_with_interval("q", value + spread * sample / sample.std(ddof=1))


def test_an_interval_that_holds_the_threshold_decides_nothing():
    assert decided(mean(2.0)) is True
    assert decided(mean(-2.0)) is False
    assert decided(mean(0.1)) is None
    assert decided(mean(2.0), threshold=2.1) is None
    assert judge(None, (SEEN,)) is Verdict.UNDECIDED


@pytest.mark.parametrize("value", [0.05, 0.4, -0.4, 3.0])
def test_so_many_runs_decide_and_one_fewer_does_not(value):
    n = runs_to_decide(mean(value))
    assert n is not None

    def half(n):  # of a sample of the same mean and spread
        return stats.t.ppf(0.975, n - 1) / np.sqrt(n)

    assert half(n) < abs(value)
    # Sizes above a few hundred are a grid of relative step 0.4 %.
    assert n <= 3 or half(int(n / 1.005) - 1) >= abs(value)


def test_no_number_of_runs_decides_a_mean_at_the_threshold():
    assert runs_to_decide(mean(1.0), threshold=1.0) is None
    with pytest.raises(ValueError, match="'rate' is no mean over independent runs"):
        runs_to_decide(failure_rate("rate", 1, 9))


def test_a_measurement_in_a_sentence_is_formatted_from_its_numbers():
    rate = failure_rate("rate", 3, 12)
    assert f"{rate:.2f}, {rate.count} of {rate.n}, not {rate.rest}" == (
        "0.25, 3 of 12, not 9"
    )
    assert f"{rate}" == "0.25 [0.055, 0.57]"
    assert f"{extreme('largest', [1.0, 2.5])}" == "2.5"


@pytest.mark.parametrize(("broken", "count"), [(0, 0), (5, 3), (-1, 3)])
def test_a_share_of_nothing_is_refused_by_name(broken, count):
    with pytest.raises(CheckError, match=f"wrong signs: {broken} of {count} inst"):
        failure_rate("wrong signs", broken, count)


def test_the_largest_of_nothing_and_a_family_of_nothing_are_refused():
    with pytest.raises(CheckError, match="gap: no value"):
        extreme("gap", [])
    with pytest.raises(ValueError, match="at least one comparison, got 0"):
        family({})


@pytest.mark.parametrize("confidence", [0.0, 1.0, 2.0, np.nan])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(ValueError, match=r"gain: confidence must be in \(0, 1\)"):
        mean_with_interval("gain", [1.0, 2.0], confidence=confidence)


def test_an_interval_of_thousands_of_comparisons_is_not_said_to_be_certain():
    values = {"gain": 0.5 + np.linspace(-1, 1, 9)}
    (one,) = family(values, comparisons=2_000)
    assert one.interval == "99.997 % Student"
    assert family(values, comparisons=3)[0].interval == "98.33 % Student"
    n = runs_to_decide(one)
    assert n is not None
    assert n > 30


def test_so_many_new_runs_decide_about_half_of_the_time():
    rng = np.random.default_rng(0)
    n = runs_to_decide(mean(0.5))
    assert n is not None
    draws = rng.normal(0.5, 1, (2_000, n))
    half = stats.t.ppf(0.975, n - 1) * draws.std(axis=1, ddof=1) / np.sqrt(n)
    # Five standard errors of a share of 2,000 are 0.056.
    assert 0.45 < np.mean(np.abs(draws.mean(axis=1)) > half) < 0.65
