import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import algorithm_2
from paper_checks.judge.measurement import CheckError, Measurement
from paper_checks.judge.verdict import Control, Verdict
from tests.paper_checks.few import Few

SEEN = Control(dropped="one size", noticed=1, instances=1)


def gain(sign: float) -> Measurement:
    """A gain whose interval is above zero, below, or holds it."""
    return Measurement(
        quantity="gain", value=sign, low=sign - 0.5, high=sign + 0.5, interval="", n=9
    )


BETTER, EVEN, WORSE = gain(1.0), gain(0.0), gain(-1.0)


@pytest.mark.parametrize(
    ("gained", "extra", "others", "verdict"),
    [
        (BETTER, BETTER, [EVEN, BETTER], Verdict.HOLDS),
        (BETTER, BETTER, [BETTER, WORSE], Verdict.FAILS),
        # All that it gains is there without noise.
        (BETTER, EVEN, [BETTER, BETTER], Verdict.VACUOUS),
        # Less worse with noise than without is no gain.
        (EVEN, BETTER, [BETTER, BETTER], Verdict.VACUOUS),
        (EVEN, EVEN, [WORSE], Verdict.FAILS),
        (WORSE, BETTER, [BETTER], Verdict.FAILS),
        (BETTER, WORSE, [BETTER], Verdict.FAILS),
        (BETTER, BETTER, [gain(np.nan)], Verdict.FAILS),
    ],
)
def test_branches(gained, extra, others, verdict):
    at_paper = gained, extra
    found = algorithm_2.judge_gains(at_paper, [*at_paper, *others], (SEEN,))
    assert found is verdict


def test_a_sweep_that_cannot_show_an_effect_is_no_evidence():
    blind = Control(dropped="one size", noticed=0, instances=1)
    with pytest.raises(CheckError, match="no power"):
        algorithm_2.judge_gains((BETTER, BETTER), [BETTER], (SEEN, blind))


def sweep(printed: float, standardised: float, quiet: float = 0.0) -> xr.Dataset:
    """Risks of two clean tasks and one corrupted, lower where a scheme is better.

    With noise they fall by these shares; without it both algorithms' fall by `quiet`.
    """
    rng = np.random.default_rng(0)
    better = {"uniform": 0.0, "printed": printed, "uniform, scaled": 0.3}
    better["standardised"] = 0.3 + standardised
    calm = {"uniform": 0.0, "printed": quiet, "uniform, scaled": 0.0}
    calm["standardised"] = quiet
    # Noise of mean zero in both halves: draws without noise do not differ either.
    noise = rng.normal(size=(2, 2, 6, 4))
    noise = (noise - noise.mean(axis=2, keepdims=True)).reshape(2, 12, 4)
    fall = np.array([list(calm.values()), list(better.values())])
    risk = 1 - fall[:, None] + 0.01 * noise
    # The corrupted task says the opposite, and must not be looked at.
    levels = np.stack([1 / risk, risk, risk], axis=1)
    axes = ("share", "task", "repeat", "scheme")
    return xr.Dataset(
        {
            "risk_share": (axes, levels),
            "risk_loudness": (("loudness", *axes[1:]), levels),
        },
        coords={
            "share": [0.0, 0.2],
            "loudness": [0.0, 8.0],
            "scheme": list(better),
            "corrupted": ("task", [True, False, False]),
        },
    )


def study(printed: float, standardised: float) -> dict[str, xr.Dataset]:
    schemes = ["uniform", "printed", "uniform_standardised", "standardised"]
    error = 1 - np.array([0, printed, 0.1, 0.1 + standardised])
    noise = np.random.default_rng(1).normal(size=(10, 4))
    noise -= noise.mean(axis=0)
    data = xr.Dataset(
        {"test_error": (("task", "repeat", "scheme"), (error + 0.01 * noise)[None])},
        coords={"scheme": schemes},
        attrs={"training_share": 0.7},
    )
    return {"label_noise": data}


def find(monkeypatch, simulated, real, others: dict | None = None):
    drawn = simulated if isinstance(simulated, xr.Dataset) else sweep(*simulated)
    studied = {"digits": study(*real)} | (others or {})
    monkeypatch.setattr(algorithm_2, "weights_sweep", lambda _: drawn)
    monkeypatch.setattr(algorithm_2, "studies", lambda *_: studied)
    return algorithm_2.find(Few())


def test_each_reading_has_its_own_baseline_and_verdict(monkeypatch):
    printed, standardised = find(monkeypatch, (0.2, -0.2), (0.2, 0.2))
    assert (printed.claim, printed.verdict) == ("W-A2", Verdict.HOLDS)
    assert (standardised.claim, standardised.verdict) == ("W-A2s", Verdict.FAILS)
    assert printed.reason.endswith("Better on 1 and worse on 0 of 1 real sets with "
                                   "20% random labels on one task")  # fmt: skip
    assert "worse on 1 of 1 levels of random labels" in standardised.reason
    assert "1 of 3 tasks noisy" in printed.reason
    assert printed.data == "simulated; digits"


def test_a_gain_that_is_there_without_noise_is_no_robustness(monkeypatch):
    more, same = (
        find(monkeypatch, (0.2, 0.2, quiet), (0.2, 0.2))[0] for quiet in (0.1, 0.2)
    )
    assert more.verdict is Verdict.HOLDS
    assert same.verdict is Verdict.VACUOUS
    # (1 − 0.8)/(1 + 0.8), all of it without noise as well.
    assert "Without any noise it gains 0.11 [" in same.reason
    assert "beyond that it is better on 0 and worse on 0 of 1 levels" in same.reason


def test_a_gain_that_noise_takes_away_is_the_opposite_of_robust(monkeypatch):
    printed, _ = find(monkeypatch, (0.1, 0.1, 0.4), (0.2, 0.2))
    assert printed.measurements[1].low > 0
    assert printed.verdict is Verdict.FAILS


def test_worse_on_real_data_decides(monkeypatch):
    printed, standardised = find(monkeypatch, (0.2, 0.0), (-0.2, 0.0))
    assert printed.verdict is Verdict.FAILS
    assert standardised.verdict is Verdict.VACUOUS


def test_a_set_without_splits_is_named_and_not_counted(monkeypatch):
    found = find(monkeypatch, (0.2, 0.2), (0.2, 0.2), {"school": {}})[0]
    assert "of 1 real sets with 20% random labels on one task (left out: school)" in (
        found.reason
    )
    assert found.measurements[0].interval.startswith("99 % Student")


def test_intervals_are_those_of_all_comparisons_together(monkeypatch):
    printed, _ = find(monkeypatch, (0.2, 0.2), (0.2, 0.2))
    # No noise; one level of each kind of noise, twice; and one data set.
    assert len(printed.measurements) == 6
    assert all(m.interval.startswith("99 % Student") for m in printed.measurements)
    # (1 − 0.8)/(1 + 0.8), and the noise of mean zero moves it a little.
    assert printed.measurements[1].value == pytest.approx(1 / 9, rel=1e-2)


def test_draws_without_noise_that_differ_are_an_error(monkeypatch):
    """A gain that is not compared with that without noise would pass for robust."""
    data = sweep(0.2, 0.2)
    first = {"share": 0.0, "repeat": slice(0, 6), "scheme": "printed"}
    data["risk_share"].loc[first] *= 0.5
    with pytest.raises(CheckError, match="no power: with 'noise in the labels"):
        find(monkeypatch, data, (0.2, 0.2))


def test_an_effect_of_scaling_that_is_there_without_noise_is_no_control(monkeypatch):
    data = sweep(0.2, 0.2)
    for axis in ("risk_share", "risk_loudness"):
        scaled = {"scheme": "uniform, scaled"}
        data[axis].loc[scaled | {axis[5:]: 0.0}] *= 0.7
    with pytest.raises(CheckError, match="no power: with 'labels of one size"):
        find(monkeypatch, data, (0.2, 0.2))
