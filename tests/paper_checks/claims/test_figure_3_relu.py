import dataclasses

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import figure_3, figure_3_relu
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from paper_checks.studies import simulated
from simulations.experiments.transfer_relu import TransferReluSweep
from tests.paper_checks.few import Few

SAMPLES = (10, 20, 40, 100)
# Mean gains in units of far more than an interval.
EARLY, LATE, DIP = (1, 1, 1, 1), (-1, -1, 0, 1), (-1, 1, 1, 1)
NEVER, NONE = (-1, -1, -1, -1), (0, 0, 0, 0)


def sweep(*gains) -> xr.Dataset:
    noise = np.random.default_rng(0).normal(size=(3, len(SAMPLES), 20))
    # Noise of mean zero: an interval holds zero if and only if its gain is zero.
    noise -= noise.mean(axis=-1, keepdims=True)
    gain = np.asarray(gains, float)[..., None] + 0.05 * noise
    axes = ("source", "samples_source", "repeat")
    return xr.Dataset(
        {
            "relative_gain": (axes, gain),
            "converged": (axes[:2], np.full((3, len(SAMPLES)), 0.5)),
        },
        coords={"source": list(figure_3.KINDS), "samples_source": list(SAMPLES)},
    )


def find(monkeypatch, related, unrelated=None):
    harmful = sweep(NEVER, NEVER, NEVER) if unrelated is None else unrelated
    data = {"related": related, "unrelated": harmful}
    monkeypatch.setattr(figure_3_relu, "transfer_relu_sweep", lambda _, s: data[s])
    return figure_3_relu.find(Few())


@pytest.mark.parametrize(
    ("gains", "verdict", "reason"),
    [
        ((EARLY, LATE, LATE), Verdict.HOLDS, "not to hurt at 10, 20"),
        ((EARLY, EARLY, LATE), Verdict.FAILS, "seen to hurt at no size"),
        ((EARLY, EARLY, EARLY), Verdict.FAILS, "above 0.96 and 0.96"),
        # The others hurt, but where the same covariance hurts as well.
        ((DIP, DIP, DIP), Verdict.FAILS, "seen to hurt at 10 and to help from 20 on"),
        ((EARLY, LATE, NEVER), Verdict.FAILS, "100 on and none of these sizes on"),
    ],
)
def test_the_verdict_is_that_of_the_picture(monkeypatch, gains, verdict, reason):
    found = find(monkeypatch, sweep(*gains))
    assert found.claim == "W-F3r"
    assert found.verdict is verdict
    assert reason in found.reason
    assert "from 10 to 100" in found.reason


def test_harm_that_is_neither_seen_nor_ruled_out_is_no_verdict(monkeypatch):
    """With 20 draws of sd 1.5 intervals are as wide as ±1: harm of -0.3 may be."""
    unseen = (-0.3, -0.3, 3, 3)
    data = sweep((3, 3, 3, 3), unseen, unseen)
    noise = np.random.default_rng(1).normal(size=(3, 4, 20))
    noise -= noise.mean(axis=-1, keepdims=True)
    data["relative_gain"] += 1.5 * xr.DataArray(noise, dims=data.relative_gain.dims)
    found = find(monkeypatch, data)
    assert found.verdict is Verdict.NEEDS_DATA
    assert "undecided by 20 draws: about" in found.reason


def test_measurements_are_of_their_kind_and_size(monkeypatch):
    found = find(monkeypatch, sweep((0.5, 1, 1, 1), LATE, (1, -1, -2, 1)))
    low, starts = found.measurements[:3], found.measurements[3:6]
    assert [round(entry.value, 6) for entry in low] == [0.5, -1, -2]
    assert "at m_source = 40" in low[2].quantity
    assert low[2].low < -2 < low[2].high
    # 12 intervals hold together.
    assert low[2].interval.startswith("99.58 % Student")
    assert [(entry.low, entry.value) for entry in starts] == [
        *((0, 10), (40, 100), (40, 100))
    ]
    assert found.measurements[-1].value == 0.5
    assert found.measurements[-1].n == 3 * 4 * 20


def test_a_check_that_would_not_notice_harm_is_refused(monkeypatch):
    assert find(monkeypatch, sweep(EARLY, LATE, LATE), sweep(NEVER, LATE, NONE))
    with pytest.raises(CheckError, match=r"cosine 0.*noticed 1 of 3"):
        find(monkeypatch, sweep(EARLY, LATE, LATE), sweep(NEVER, NONE, EARLY))


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_sweeps_are_those_of_the_profile(monkeypatch, tmp_path, profile):
    ran = []

    def kept(settings, name, spec, run):
        ran.append((name, spec))
        return xr.Dataset()

    monkeypatch.setattr(simulated, "kept", kept)
    settings = Settings(results=tmp_path, profile=profile, seed=3)
    for sources in ("related", "unrelated"):
        simulated.transfer_relu_sweep(settings, sources)
    spec = TransferReluSweep.quick() if profile == "quick" else TransferReluSweep()
    spec = dataclasses.replace(spec, seed=3)
    assert [name for name, _ in ran] == ["transfer_relu", "transfer_relu-unrelated"]
    assert ran[0][1] == spec
    far = ran[1][1]
    assert (far.cosine, far.condition, far.seed) == (0, 1, 3)
    # An active half of the target's rows determines its parameter.
    assert far.samples_target > 2 * far.dimension
    assert profile == "quick" or spec.repeats >= 100


@pytest.mark.long
def test_related_sources_help_and_unrelated_ones_hurt(tmp_path):
    found = figure_3_relu.find(Settings(results=tmp_path))
    assert found.controls[0].noticed == 3
    assert found.measurements[3].value <= 40
