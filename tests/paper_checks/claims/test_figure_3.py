"""Figure 3's picture, of linear and of ReLU modules, on gains that are made up."""

import dataclasses
import re

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims.figure_3 import CLAIM, REGIMES
from paper_checks.judge import CheckError, Verdict
from paper_checks.judge.finding import Finding
from paper_checks.settings import Settings
from paper_checks.studies.source_sizes import KINDS, OTHERS, SAME, picture

SAMPLES = (30, 100, 300, 1_000, 3_000)
# Mean gains in units of far more than an interval.
EARLY, LATE, NEVER = (1, 1, 1, 1, 1), (-1, -1, 0, 1, 1), (-1, -1, -1, -1, -1)
DIP = (1, 1, -1, 1, 1)
# Gains whose intervals hold zero, and which may be those of harm.
UNSEEN = (-0.2, -0.2, 1, 1, 1)


def sweep(*gains, repeats: int = 20, noise=0.05, samples=SAMPLES) -> xr.Dataset:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(3, len(samples), repeats))
    # Mean zero and unit length: an interval holds zero if and only if its gain does.
    drawn -= drawn.mean(axis=-1, keepdims=True)
    drawn /= drawn.std(axis=-1, keepdims=True)
    gain = np.asarray(gains, float)[..., None] + noise * drawn
    axes = ("source", "samples_source", "repeat")
    ones = np.ones((3, len(samples)))
    return xr.Dataset(
        {
            "relative_gain": (axes, gain),
            "certified": (axes[:2], ones),
            "converged": (axes[:2], ones / 2),
        },
        coords={"source": list(KINDS), "samples_source": list(samples)},
    )


def helps_from(gains) -> float:
    return picture(sweep(gains, LATE, LATE)).helps_from(SAME).value


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


def test_a_sweep_with_a_nan_is_refused():
    data = sweep(EARLY, LATE, LATE)
    data.relative_gain[0, 2, 1] = np.nan
    with pytest.raises(CheckError, match="m_source = 300: 1 of 20 values are not fin"):
        picture(data)


@pytest.mark.parametrize(
    ("same", "diagonal", "rotation", "holds"),
    [
        (EARLY, LATE, LATE, True),
        (EARLY, EARLY, LATE, False),  # one of the others never hurts
        (EARLY, LATE, NEVER, False),  # or never helps
        (LATE, LATE, LATE, False),  # the same covariance is no earlier
        (NEVER, LATE, LATE, False),
        (EARLY, (0, 0, 0, 1, 1), LATE, False),  # late, but it does not hurt
        # The others hurt only where the same covariance hurts as much, or more.
        ((-1, -1, 1, 1, 1), LATE, LATE, False),
        ((-10, -10, 1, 1, 1), LATE, LATE, False),
        # It may hurt where they do, but not at all sizes.
        ((-1, 1, 1, 1, 1), LATE, LATE, True),
        ((-0.5, -0.5, 1, 1, 1), LATE, LATE, False),
        # Early, and late at no size between: what is missing is other sizes.
        ((1, 1, 0, 1, 1), (-1, 0, 0, 0, 1), LATE, None),
    ],
)
def test_the_picture_needs_each_of_its_parts(same, diagonal, rotation, holds):
    seen = picture(sweep(same, diagonal, rotation))
    assert seen.holds is holds
    assert seen.drawn + seen.refuted == (holds is not None)
    assert bool(seen.more_draws) is (holds is None)
    if holds is None:
        assert "more would not do: it takes other sizes" in seen.more_draws[0]


@pytest.mark.parametrize(
    ("late", "drawn"),
    [
        ((-0.6, 0.0, 0.2, 0.4, 0.4), False),  # no source hurts where the same does not
        ((-0.6, -0.1, -0.1, 0.4, 0.4), True),  # by the least that counts as harm
        ((-0.5, -0.13, -0.08, 0.5, 0.4), True),  # as measured with 1,600 draws
    ],
)
def test_a_verdict_on_the_picture_is_seldom_wrong(late, drawn):
    """With as many draws as the quick profile has, of the same spread (0.6)."""
    rng, early, found = np.random.default_rng(3), (-0.6, 0.07, 0.3, 0.4, 0.4), []
    for _ in range(60):
        seen = sweep(early, late, late, repeats=800)
        noise = rng.normal(size=seen.relative_gain.shape)
        seen.relative_gain[:] = np.array([early, late, late])[..., None] + 0.6 * noise
        found.append(picture(seen).holds)
    assert found.count(not drawn) <= 0.05 * len(found)
    if late[1] < -0.1 or not drawn:
        assert found.count(drawn) >= 0.9 * len(found)


def test_what_is_only_not_seen_is_undecided_until_there_are_more_draws():
    few = picture(sweep(EARLY, UNSEEN, UNSEEN, noise=0.5))
    assert few.holds is None
    found = re.search(r"undecided by 20 draws: about (\d+) are", few.more_draws[0])
    assert found
    needed = int(found[1])
    # Of 15 intervals half a width is 3.36 s/√20 = 0.385 and is to be 0.2: 74 draws.
    assert needed == 75
    assert picture(sweep(EARLY, UNSEEN, UNSEEN, repeats=needed, noise=0.5)).holds


def test_harm_counts_where_the_same_covariance_is_seen_to_do_better():
    """Of -0.45 and -0.2, each ± 0.385, only one is off zero; they may be equal."""
    late = (-0.45, -0.45, 0, 2, 2)
    seen = picture(sweep((-0.2, -0.2, 2, 2, 2), late, late, noise=0.5))
    assert seen.hurts(OTHERS[0]).any()
    assert not seen.hurts(SAME).any()
    assert not seen.drawn


def test_harm_is_ruled_out_by_more_draws_as_well():
    gains = (-0.02, 1, 1, 1, 1)
    few, many = (
        picture(sweep(EARLY, gains, LATE, repeats=repeats, noise=0.5))
        for repeats in (20, 1_000)
    )
    assert few.holds is None
    assert many.holds is False


def test_differences_are_paired():
    """What all sources of a draw have in common is no part of a difference."""
    data = sweep(EARLY, LATE, LATE)
    common = xr.DataArray(5 * np.random.default_rng(2).normal(size=20), dims="repeat")
    moved = data.assign(relative_gain=data.relative_gain + common)
    before, after = (picture(one).ahead[OTHERS[0]].lows for one in (data, moved))
    np.testing.assert_allclose(after, before, atol=1e-12)


def find(rotated, written, ample=None) -> Finding:
    data = dict(zip(REGIMES, (rotated, written, ample or rotated), strict=True))
    return dataclasses.replace(CLAIM, study=lambda _: data).find(Settings())


def test_verdicts():
    good, bad = sweep(EARLY, LATE, LATE), sweep(EARLY, LATE, EARLY)
    held = find(good, bad)
    assert held.verdict is Verdict.HOLDS
    first, second = held.measurements[:2]
    assert (first.low, first.value) == (0, 30)
    assert (second.low, second.value, second.high) == (300, 1_000, 1_000)
    failed = find(sweep(EARLY, LATE, NEVER), bad)
    assert failed.verdict is Verdict.FAILS
    third = failed.measurements[2]
    assert (third.low, third.value, third.high) == (3_000, np.inf, np.inf)
    unseen = find(sweep(EARLY, UNSEEN, UNSEEN, noise=0.5), bad)
    assert unseen.verdict is Verdict.UNDECIDED
    assert "about 75 are needed" in unseen.caveats[0]
    with pytest.raises(CheckError, match="as written"):
        find(good, good)
    # Not seen to differ, by lack of power, is no control.
    with pytest.raises(CheckError, match="as written"):
        find(good, sweep(EARLY, LATE, EARLY, noise=0.3))


def test_sources_that_never_hurt_an_ample_target_are_counted():
    ample = (EARLY, LATE, (0, 0, 0, 1, 1))
    found = find(sweep(EARLY, LATE, LATE), sweep(EARLY, EARLY, EARLY), sweep(*ample))
    assert found.details[-1].startswith("With m_target = 2d, 2 of 3 kinds")
    for gains, measured in zip(ample, found.measurements[3:6], strict=True):
        assert measured.value == helps_from(gains)
        assert "2d" in measured.quantity
