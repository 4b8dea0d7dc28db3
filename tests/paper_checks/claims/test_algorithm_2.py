import dataclasses

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims.algorithm_2 import CLAIMS
from paper_checks.judge import CheckError, Verdict
from paper_checks.judge.finding import Finding
from paper_checks.settings import Settings


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


def find(noise, real, others: dict | None = None) -> tuple[Finding, ...]:
    drawn = noise if isinstance(noise, xr.Dataset) else sweep(*noise)
    studied = {"digits": study(*real)} | (others or {})
    return tuple(
        dataclasses.replace(claim, study=lambda _: (drawn, studied)).find(Settings())
        for claim in CLAIMS
    )


@pytest.mark.parametrize(
    ("noisy", "quiet", "real", "verdict"),
    [
        (0.2, 0.0, 0.0, Verdict.HOLDS),
        (0.2, 0.1, 0.2, Verdict.HOLDS),
        # All that it gains is there without noise.
        (0.2, 0.2, 0.2, Verdict.VACUOUS),
        # Less worse with noise than without is no gain.
        (0.0, -0.2, 0.2, Verdict.VACUOUS),
        (-0.2, -0.2, 0.2, Verdict.FAILS),
        # A gain that noise takes away is the opposite of robust.
        (0.1, 0.4, 0.2, Verdict.FAILS),
        (0.2, 0.0, -0.2, Verdict.FAILS),
    ],
)
def test_verdicts(noisy, quiet, real, verdict):
    printed, _ = find((noisy, noisy, quiet), (real, real))
    assert printed.verdict is verdict
    assert printed.deciding is not None
    assert (printed.deciding.low > 0) is (verdict is Verdict.HOLDS)
    assert (printed.deciding.high < 0) is (verdict is Verdict.FAILS)


def test_each_reading_has_its_own_baseline_and_verdict():
    printed, standardised = find((0.2, -0.2), (0.2, 0.2))
    assert (printed.claim, printed.verdict) == ("W-A2", Verdict.HOLDS)
    assert (standardised.claim, standardised.verdict) == ("W-A2s", Verdict.FAILS)
    assert (
        "real sets with 20% random labels on one task it is better on 1 and"
        in (printed.details[-1])
    )
    assert "1 of 3 tasks are noisy" in printed.details[0]
    assert (
        "Of 1 levels of random labels it is better at 0 and worse at 1"
        in (standardised.details[3])
    )
    assert printed.data == "simulated; digits"


def test_a_set_without_splits_is_named_and_not_counted():
    found = find((0.2, 0.2), (0.2, 0.2), {"school": {}})[0]
    assert "Of 1 real sets" in found.details[-1]
    assert found.caveats == ("Left out of the real sets: school.",)
    assert found.measurements[0].interval.startswith("99 % Student")


def test_intervals_are_those_of_all_comparisons_together():
    printed, _ = find((0.2, 0.2), (0.2, 0.2))
    # No noise; one level of each kind of noise, twice; and one data set.
    assert len(printed.measurements) == 6
    assert all(m.interval.startswith("99 % Student") for m in printed.measurements)
    # (1 − 0.8)/(1 + 0.8), and the noise of mean zero moves it a little.
    assert printed.measurements[1].value == pytest.approx(1 / 9, rel=1e-2)


def test_draws_without_noise_that_differ_are_an_error():
    """A gain that is not compared with that without noise would pass for robust."""
    data = sweep(0.2, 0.2)
    first = {"share": 0.0, "repeat": slice(0, 6), "scheme": "printed"}
    data["risk_share"].loc[first] *= 0.5
    with pytest.raises(CheckError, match="no power: with 'noise in the labels"):
        find(data, (0.2, 0.2))


def test_an_effect_of_scaling_that_is_there_without_noise_is_no_control():
    data = sweep(0.2, 0.2)
    for axis in ("risk_share", "risk_loudness"):
        scaled = {"scheme": "uniform, scaled"}
        data[axis].loc[scaled | {axis[5:]: 0.0}] *= 0.7
    with pytest.raises(CheckError, match="no power: with 'labels of one size"):
        find(data, (0.2, 0.2))
