import re

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import figure_3
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Control, Verdict
from tests.paper_checks.few import Few

SAMPLES = (30, 100, 300, 1_000, 3_000)
# Mean gains in units of far more than an interval.
EARLY, LATE, NEVER = (1, 1, 1, 1, 1), (-1, -1, 0, 1, 1), (-1, -1, -1, -1, -1)
DIP = (1, 1, -1, 1, 1)


def sweep(same, diagonal, rotation, repeats: int = 20, noise=0.05) -> xr.Dataset:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(3, len(SAMPLES), repeats))
    # Mean zero and unit length: an interval holds zero if and only if its gain does.
    drawn -= drawn.mean(axis=-1, keepdims=True)
    drawn /= drawn.std(axis=-1, keepdims=True)
    gain = np.asarray([same, diagonal, rotation], float)[..., None] + noise * drawn
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
        figure_3.picture(data)


# Gains whose intervals hold zero, and which may be those of harm.
UNSEEN = (-0.2, -0.2, 1, 1, 1)


@pytest.mark.parametrize(
    ("same", "diagonal", "rotation", "drawn", "refuted"),
    [
        (EARLY, LATE, LATE, True, False),
        (EARLY, EARLY, LATE, False, True),  # one of the others never hurts
        (EARLY, LATE, NEVER, False, True),  # or never helps
        (LATE, LATE, LATE, False, True),  # the same covariance is no earlier
        (NEVER, LATE, LATE, False, True),
        (EARLY, (0, 0, 0, 1, 1), LATE, False, True),  # late, but it does not hurt
        # The others hurt only where the same covariance hurts as much, or more.
        ((-1, -1, 1, 1, 1), LATE, LATE, False, True),
        ((-10, -10, 1, 1, 1), LATE, LATE, False, True),
        # It may hurt where they do, but not at all sizes.
        ((-1, 1, 1, 1, 1), LATE, LATE, True, False),
        ((-0.5, -0.5, 1, 1, 1), LATE, LATE, False, True),
    ],
)
def test_the_picture_needs_each_of_its_parts(same, diagonal, rotation, drawn, refuted):
    seen = figure_3.picture(sweep(same, diagonal, rotation))
    assert figure_3.drawn(seen) is drawn
    assert figure_3.refuted(seen) is refuted


def test_what_is_only_not_seen_is_undecided_until_there_are_more_draws():
    few = figure_3.picture(sweep(EARLY, UNSEEN, UNSEEN, noise=0.5))
    assert not figure_3.drawn(few)
    assert not figure_3.refuted(few)
    seen = (Control(dropped="a rotation", noticed=1, instances=1),)
    assert figure_3.judge_picture(few, seen) is Verdict.NEEDS_DATA
    text = figure_3.undecided(few, 20)
    found = re.fullmatch(r"; undecided by 20 draws: about (\d+) are needed", text)
    assert found
    needed = int(found[1])
    # Of 15 intervals half a width is 3.36 s/√20 = 0.385 and is to be 0.2: 74 draws.
    assert needed == 75
    more = figure_3.picture(sweep(EARLY, UNSEEN, UNSEEN, needed, noise=0.5))
    assert figure_3.judge_picture(more, seen) is Verdict.HOLDS
    assert figure_3.undecided(more, needed) == ""


def test_harm_counts_where_the_same_covariance_is_seen_to_do_better():
    """Of -0.45 and -0.2, each ± 0.385, only one is off zero; they may be equal."""
    late = (-0.45, -0.45, 0, 2, 2)
    seen = figure_3.picture(sweep((-0.2, -0.2, 2, 2, 2), late, late, noise=0.5))
    assert seen.others[0].hurts
    assert not seen.same.hurts
    assert not figure_3.drawn(seen)


def test_harm_is_ruled_out_by_more_draws_as_well():
    gains = (-0.02, 1, 1, 1, 1)
    few, many = (
        figure_3.picture(sweep(EARLY, gains, LATE, repeats, noise=0.5))
        for repeats in (20, 1_000)
    )
    assert not figure_3.refuted(few)
    assert figure_3.refuted(many)
    assert not figure_3.drawn(many)


def test_no_number_of_draws_decides_where_means_are_on_the_edge():
    """Early, and late at no size between: what is missing is other sizes."""
    seen = figure_3.picture(sweep((1, 1, 0, 1, 1), (-1, 0, 0, 0, 1), LATE))
    assert not figure_3.drawn(seen)
    assert not figure_3.refuted(seen)
    assert "more would not do: other sizes" in figure_3.undecided(seen, 20)


def test_differences_are_paired():
    """What all sources of a draw have in common is no part of a difference."""
    data = sweep(EARLY, LATE, LATE)
    ahead = figure_3.picture(data).ahead[0]
    common = xr.DataArray(5 * np.random.default_rng(2).normal(size=20), dims="repeat")
    moved = data.assign(relative_gain=data.relative_gain + common)
    paired = figure_3.picture(moved).ahead[0]
    np.testing.assert_allclose(paired.low, ahead.low, atol=1e-12)


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
