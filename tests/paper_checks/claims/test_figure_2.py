import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import figure_2
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from tests.paper_checks.few import Few

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


def find(monkeypatch, data):
    monkeypatch.setattr(figure_2, "classification_sweep", lambda _: data)
    return figure_2.find(Few())


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
def test_verdicts(monkeypatch, second, third, verdict):
    assert find(monkeypatch, sweep(second, third, second)).verdict is verdict


def test_the_reason_and_the_measurements_are_of_the_cell_found(monkeypatch):
    found = find(monkeypatch, sweep(GOOD, BAD, GOOD))
    assert "in 1 of 4 cells" in found.reason
    assert "10 degrees and 80 target rows" in found.reason
    assert "both help in 3, both hurt in 0" in found.reason
    gains = {m.quantity: m.value for m in found.measurements}
    note = "angle 10, m_target = 80 (of 4 cells that of the largest contrast)"
    assert gains[f"gain from source 2, {note}"] == pytest.approx(GOOD)
    assert gains[f"gain from source 3, {note}"] == pytest.approx(BAD)
    # The cell was chosen for its contrast: intervals are those of all 4 together.
    selected = found.measurements[:-1]
    assert all(m.interval == "98.75 % Student" for m in selected)
    assert found.measurements[-1].value == pytest.approx(0.97)


def test_a_check_that_finds_it_in_equal_data_has_no_power(monkeypatch):
    with pytest.raises(CheckError, match="other data"):
        find(monkeypatch, sweep(GOOD, BAD, BAD))


def test_intervals_hold_together():
    """Without any gain one 95 % interval of 8 is off zero every third time."""
    rng = np.random.default_rng(1)
    data = sweep(GOOD, BAD, GOOD)
    off = 0
    for _ in range(60):
        data["gain"] = (data["gain"].dims, rng.normal(size=data["gain"].shape))
        both = [
            figure_2.signs(data, source) for source in (figure_2.SECOND, figure_2.THIRD)
        ]
        off += any(one.helps.any() or one.hurts.any() for one in both)
    # 5 % of 60 is 3, and five standard errors above that is 11; 20 with 95 % each.
    assert off <= 11
