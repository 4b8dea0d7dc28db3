"""Claims on studies: means in cells, families of them, and what is lacking."""

import numpy as np
import pytest
import xarray as xr

from paper_checks.judge import CheckError, Evidence, StudyClaim, Verdict, means
from paper_checks.settings import Settings

REPEATS = 20


def drawn(seed: int = 0) -> xr.DataArray:
    values = np.random.default_rng(seed).normal(size=(2, REPEATS, 3))
    return xr.DataArray(
        values,
        dims=("angle", "repeat", "rows"),
        coords={"angle": [0.5, 90.0], "rows": [40, 60, 80]},
    )


def test_means_are_of_cells_in_the_order_of_axes():
    data = drawn()
    found = means("gain at {angle:g} degrees, m = {rows}", data)
    assert [one.quantity for one in found[:4]] == [
        *(f"gain at 0.5 degrees, m = {rows}" for rows in (40, 60, 80)),
        "gain at 90 degrees, m = 40",
    ]
    assert found[4].value == pytest.approx(float(data[1, :, 1].mean()))
    assert (found.n, found[0].n) == (6, REPEATS)
    assert found[0].interval == "99.17 % Student"
    alone = means("gain from {source}", data[0, :, 0].assign_coords(source="one"))
    assert [one.quantity for one in alone] == ["gain from one"]
    assert alone[0].interval == "95 % Student"


def test_two_cells_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"is 'gain at 0\.5' in two cells"):
        means("gain at {angle}", drawn())


def test_a_cell_with_a_nan_is_named():
    data = drawn()
    data[1, 3, 2] = np.nan
    with pytest.raises(CheckError, match=r"90\.0 80: 1 of 20 values are not finite"):
        means("{angle} {rows}", data)


def test_intervals_hold_together():
    """Without any gain one 95 % interval of 6 is off zero every fourth time."""
    off = 0
    for seed in range(60):
        found = means("{angle} {rows}", drawn(seed))
        off += found.above + found.below > 0
    # 5 % of 60 is 3, and five standard errors above that is 11; 16 with 95 % each.
    assert off <= 11


def test_narrowed_intervals_keep_their_means():
    found = means("{angle} {rows}", drawn())
    half = found.narrowed(0.5)
    np.testing.assert_allclose(half.highs - half.lows, (found.highs - found.lows) / 2)
    assert [one.value for one in half] == [one.value for one in found]


def test_what_is_lacking_is_said_and_nothing_is_run():
    def run(_: Settings) -> xr.Dataset:
        raise AssertionError("run without its data")

    claim = StudyClaim(
        id="X-1",
        title="Toy",
        source="here",
        statement="Toy.",
        headline={Verdict.NEEDS_DATA: "Needs {missing}", Verdict.HOLDS: "{gain}"},
        details=("It gains {gain}.",),
        study=run,
        judged=lambda _: Evidence(),
        lacking=lambda settings: "a folder" if settings.data is None else "",
    )
    found = claim.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert found.headline == "Needs a folder"
    assert (found.data, found.measurements) == ("none", ())
    assert "DATA=" in found.details[0]
