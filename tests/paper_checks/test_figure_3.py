import numpy as np
import pytest
import xarray as xr

from paper_checks import figure_3
from paper_checks.verdict import CheckError, Verdict
from tests.paper_checks.few import Few

SAMPLES = (30, 100, 300, 1_000, 3_000)
# Mean gains in units of far more than an interval.
EARLY, LATE, NEVER = (1, 1, 1, 1, 1), (-1, -1, 0, 1, 1), (-1, -1, -1, -1, -1)
DIP = (1, 1, -1, 1, 1)


def sweep(same, diagonal, rotation, repeats: int = 20) -> xr.Dataset:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3, len(SAMPLES), repeats))
    # Noise of mean zero: an interval holds zero if and only if its gain is zero.
    noise -= noise.mean(axis=-1, keepdims=True)
    gain = np.asarray([same, diagonal, rotation], float)[..., None] + 0.05 * noise
    axes = ("source", "samples_source", "repeat")
    return xr.Dataset(
        {
            "relative_gain": (axes, gain),
            "certified": (axes[:2], np.ones((3, len(SAMPLES)))),
        },
        coords={"source": list(figure_3.KINDS), "samples_source": list(SAMPLES)},
    )


def helps_from(gains) -> float:
    return figure_3.curve(sweep(gains, LATE, LATE), figure_3.SAME).helps_from


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        (EARLY, 30),
        (LATE, 1_000),
        (DIP, 1_000),
        ((1, 1, 0, 1, 1), 1_000),
        ((-1, 1, 1, 1, 1), 100),
        ((1, 1, 1, 1, 0), np.inf),
        (NEVER, np.inf),
    ],
)
def test_a_source_helps_from_where_no_later_dip_follows(gains, expected):
    assert helps_from(gains) == expected


def test_a_nan_is_no_help():
    high = np.array([1.0, 1.0, 1.0])
    found = figure_3.Curve(np.array([1.0, 2, 3]), np.array([0.5, np.nan, 0.5]), high)
    assert found.helps_from == 3


def test_a_sweep_with_a_nan_is_refused():
    data = sweep(EARLY, LATE, LATE)
    data.relative_gain[0, 2, 1] = np.nan
    with pytest.raises(CheckError, match="m_source = 300: 1 of 20 values are not fin"):
        figure_3.claimed(data)


@pytest.mark.parametrize(
    ("same", "diagonal", "rotation", "expected"),
    [
        (EARLY, LATE, LATE, True),
        (EARLY, EARLY, LATE, False),  # one of the others never hurts
        (EARLY, LATE, NEVER, False),  # or never helps
        (LATE, LATE, LATE, False),  # the same covariance is no earlier
        (NEVER, LATE, LATE, False),
        (EARLY, (0, 0, 0, 1, 1), LATE, False),  # late, but it does not hurt
    ],
)
def test_the_picture_needs_each_of_its_parts(same, diagonal, rotation, expected):
    assert figure_3.claimed(sweep(same, diagonal, rotation)) is expected


def test_intervals_hold_together():
    """Without any gain one 95 % interval of 15 is off zero every other time."""
    rng = np.random.default_rng(1)
    axes = ("source", "samples_source", "repeat")
    off = 0
    for _ in range(60):
        data = sweep(EARLY, LATE, LATE)
        data["relative_gain"] = (axes, rng.normal(size=(3, len(SAMPLES), 20)))
        curves = [figure_3.curve(data, kind) for kind in figure_3.KINDS]
        off += any(np.any(c.low > 0) or c.hurts for c in curves)
    # 5 % of 60 is 3, and five standard errors above that is 11; 32 with 95 % each.
    assert off <= 11


def find(monkeypatch, rotated, written, ample=None):
    ample = rotated if ample is None else ample
    sweeps = {"rotated": rotated, "as written": written, "ample": ample}
    monkeypatch.setattr(figure_3, "transfer", lambda _, regime: sweeps[regime])
    return figure_3.find(Few())


def test_verdicts(monkeypatch):
    good, bad = sweep(EARLY, LATE, LATE), sweep(EARLY, LATE, EARLY)
    held = find(monkeypatch, good, bad)
    assert held.verdict is Verdict.HOLDS
    first, second = held.measurements[:2]
    assert (first.low, first.value) == (0, 30)
    assert (second.low, second.value, second.high) == (300, 1_000, 1_000)
    failed = find(monkeypatch, sweep(EARLY, LATE, NEVER), bad)
    assert failed.verdict is Verdict.FAILS
    assert failed.measurements[2].value == np.inf
    with pytest.raises(CheckError, match="as written"):
        find(monkeypatch, good, good)


@pytest.mark.parametrize(
    ("same", "ample", "below", "never"),
    [
        (EARLY, (EARLY, LATE, LATE), False, 1),
        ((-1, 1, 1, 1, 1), (EARLY, EARLY, (0, 0, 0, 1, 1)), True, 3),
        (EARLY, (LATE, LATE, LATE), False, 0),
    ],
)
def test_the_reason_says_which_sources_hurt(monkeypatch, same, ample, below, never):
    bad = sweep(EARLY, EARLY, EARLY)
    found = find(monkeypatch, sweep(same, LATE, LATE), bad, sweep(*ample))
    assert ("it hurts below that" in found.reason) is below
    assert f"with m_target = 2d {never} of 3 kinds" in found.reason
    for gains, measured in zip(ample, found.measurements[3:6], strict=True):
        assert measured.value == helps_from(gains)
        assert "2d" in measured.quantity
