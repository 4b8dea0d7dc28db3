import dataclasses

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import figure_2
from paper_checks.judge import CheckError, Verdict
from paper_checks.judge.finding import Finding
from paper_checks.settings import Settings

ANGLES, ROWS, REPEATS = (5.0, 10.0), (40, 80), 30
GOOD, BAD, NONE = 0.02, -0.02, 0.0


def sweep(second, third, alike) -> xr.Dataset:
    """Gains at 10 degrees and 80 target rows; elsewhere both sources help."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 3, 2, REPEATS))
    # Noise of mean zero: an interval holds zero if and only if its gain is zero.
    noise -= noise.mean(axis=-1, keepdims=True)
    gain = 0.01 * noise + GOOD
    gain[1, :, 1] = 0.01 * noise[1, :, 1] + np.array([[second], [third], [alike]])
    axes = ("angle", "source", "samples_target", "repeat")
    alone = 0.8 + 0.01 * rng.normal(size=(2, REPEATS))
    sources = [figure_2.SECOND, figure_2.THIRD, figure_2.ALIKE]
    return xr.Dataset(
        {
            "gain": (axes, gain),
            "accuracy_alone": (axes[2:], alone),
            "accuracy_joint": (axes, alone + gain),
            "converged_joint": (axes[:3], np.full((2, 3, 2), 0.97)),
        },
        coords={
            "angle": list(ANGLES),
            "source": sources,
            "samples_target": list(ROWS),
        },
    )


def find(data: xr.Dataset) -> Finding:
    return dataclasses.replace(figure_2.CLAIM, study=lambda _: data).find(Settings())


@pytest.mark.parametrize(
    ("second", "third", "verdict"),
    [
        (GOOD, BAD, Verdict.HOLDS),
        (BAD, GOOD, Verdict.HOLDS),  # whichever of them it is
        (GOOD, GOOD, Verdict.FAILS),
        (BAD, BAD, Verdict.FAILS),
        (GOOD, NONE, Verdict.FAILS),  # no effect is not harm
        (NONE, BAD, Verdict.FAILS),
    ],
)
def test_verdicts(second, third, verdict):
    assert find(sweep(second, third, second)).verdict is verdict


def test_the_measurements_are_of_the_cell_found():
    found = find(sweep(GOOD, BAD, GOOD))
    assert "80 target rows at 10 degrees" in found.details[0]
    gains = {m.quantity: m.value for m in found.measurements}
    note = "angle 10, m_target = 80 (of 4 cells that of the largest contrast)"
    assert gains[f"gain from source 2, {note}"] == pytest.approx(GOOD)
    assert gains[f"gain from source 3, {note}"] == pytest.approx(BAD)
    # The cell was chosen for its contrast: intervals are those of all 4 together.
    selected = found.measurements[:-1]
    assert all(m.interval == "98.75 % Student" for m in selected)
    assert found.measurements[-1].value == pytest.approx(0.97)


def test_a_check_that_finds_it_in_equal_data_has_no_power():
    with pytest.raises(CheckError, match="other data"):
        find(sweep(GOOD, BAD, BAD))
