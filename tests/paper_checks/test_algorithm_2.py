import numpy as np
import pytest
import xarray as xr

from paper_checks import algorithm_2
from paper_checks.verdict import CheckError, Control, Measurement, Verdict
from tests.paper_checks.few import Few

SEEN = Control(dropped="one size", noticed=1, instances=1)


def gain(sign: float) -> Measurement:
    """A gain whose interval is above zero, below, or holds it."""
    return Measurement(
        quantity="gain", value=sign, low=sign - 0.5, high=sign + 0.5, interval="", n=9
    )


BETTER, EVEN, WORSE = gain(1.0), gain(0.0), gain(-1.0)


@pytest.mark.parametrize(
    ("at_paper", "others", "verdict"),
    [
        (BETTER, [EVEN, BETTER], Verdict.HOLDS),
        (BETTER, [BETTER, WORSE], Verdict.FAILS),
        (EVEN, [BETTER, BETTER], Verdict.VACUOUS),
        (EVEN, [WORSE], Verdict.FAILS),
        (WORSE, [WORSE], Verdict.FAILS),
        (BETTER, [gain(np.nan)], Verdict.FAILS),
    ],
)
def test_branches(at_paper, others, verdict):
    assert algorithm_2.judge_gains(at_paper, [at_paper, *others], SEEN) is verdict


def test_a_sweep_that_cannot_show_an_effect_is_no_evidence():
    blind = Control(dropped="one size", noticed=0, instances=1)
    with pytest.raises(CheckError, match="no power"):
        algorithm_2.judge_gains(BETTER, [BETTER], blind)


def sweep(printed: float, standardised: float, repeats: int = 12) -> xr.Dataset:
    """Risks of two clean tasks and one corrupted, lower where a scheme is better."""
    rng = np.random.default_rng(0)
    better = {"uniform": 0.0, "printed": printed, "uniform, scaled": 0.3}
    better["standardised"] = 0.3 + standardised
    noise = rng.normal(size=(repeats, 4))
    noise -= noise.mean(axis=0)
    risk = 1 - np.array(list(better.values())) + 0.01 * noise
    clean = np.broadcast_to(risk, (2, repeats, 4))
    # The corrupted task says the opposite, and must not be looked at.
    tasks = np.concatenate([1 / clean[:1], clean])
    axes = ("share", "task", "repeat", "scheme")
    levels = np.stack([tasks, tasks])
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


def find(monkeypatch, simulated, real):
    monkeypatch.setattr(algorithm_2, "weights_sweep", lambda _: sweep(*simulated))
    monkeypatch.setattr(algorithm_2, "studies", lambda *_: {"digits": study(*real)})
    return algorithm_2.find(Few())


def test_each_reading_has_its_own_baseline_and_verdict(monkeypatch):
    printed, standardised = find(monkeypatch, (0.2, -0.2), (0.2, 0.2))
    assert (printed.claim, printed.verdict) == ("W-A2", Verdict.HOLDS)
    assert (standardised.claim, standardised.verdict) == ("W-A2s", Verdict.FAILS)
    assert printed.reason.endswith("better on 1 and worse on 0 of 1 real sets with "
                                   "20 % random labels on one task")  # fmt: skip
    assert "worse on 1 of 1 levels of random labels" in standardised.reason
    assert printed.data == "simulated; digits"


def test_worse_on_real_data_decides(monkeypatch):
    printed, standardised = find(monkeypatch, (0.2, 0.0), (-0.2, 0.0))
    assert printed.verdict is Verdict.FAILS
    assert standardised.verdict is Verdict.VACUOUS


def test_intervals_are_those_of_all_comparisons_together(monkeypatch):
    printed, _ = find(monkeypatch, (0.2, 0.2), (0.2, 0.2))
    # One level of each kind of noise, and one data set.
    assert len(printed.measurements) == 3
    assert all(m.interval.startswith("98.33 % Student") for m in printed.measurements)
    # (1 − 0.8)/(1 + 0.8), and the noise of mean zero moves it a little.
    assert printed.measurements[0].value == pytest.approx(1 / 9, rel=1e-2)
