import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import algorithm_1
from paper_checks.judge.measurement import CheckError, Measurement
from paper_checks.judge.verdict import Control, Verdict
from tests.paper_checks.few import Few

SEEN = (Control(dropped="a rotation", noticed=1, instances=1),)
ANGLES = (0.0, 30.0, 90.0)


def gain(sign: float) -> Measurement:
    """A gain whose interval is above zero, below, or holds it."""
    return Measurement(
        quantity="gain", value=sign, low=sign - 0.5, high=sign + 0.5, interval="", n=9
    )


BETTER, EVEN, WORSE, LOST = gain(1.0), gain(0.0), gain(-1.0), gain(np.nan)


@pytest.mark.parametrize(
    ("over_joint", "over_alone", "over_tuned", "verdict"),
    [
        ([BETTER, EVEN], [BETTER, WORSE], [BETTER, WORSE], Verdict.HOLDS),
        ([BETTER, BETTER], [EVEN, BETTER], [EVEN, BETTER], Verdict.HOLDS),
        # Better than one at one angle and than the other at another is not enough.
        ([EVEN, BETTER], [BETTER, EVEN], [BETTER, BETTER], Verdict.VACUOUS),
        ([BETTER, BETTER], [BETTER, EVEN], [EVEN, BETTER], Verdict.VACUOUS),
        ([BETTER, BETTER], [WORSE, EVEN], [BETTER, BETTER], Verdict.VACUOUS),
        # Nothing over the arm of equal budget.
        ([BETTER, BETTER], [BETTER, BETTER], [EVEN, WORSE], Verdict.VACUOUS),
        ([BETTER, BETTER], [BETTER, BETTER], [LOST, LOST], Verdict.VACUOUS),
        ([BETTER, WORSE], [BETTER, BETTER], [BETTER, BETTER], Verdict.FAILS),
        ([EVEN, EVEN], [BETTER, BETTER], [BETTER, BETTER], Verdict.FAILS),
        ([BETTER, LOST], [BETTER, BETTER], [BETTER, BETTER], Verdict.FAILS),
    ],
)
def test_branches(over_joint, over_alone, over_tuned, verdict):
    rivals = (over_alone, over_tuned)
    assert algorithm_1.judge_gains(over_joint, rivals, SEEN) is verdict


def test_a_sweep_without_power_is_no_evidence():
    blind = (Control(dropped="a rotation", noticed=0, instances=1),)
    with pytest.raises(CheckError, match="no power"):
        algorithm_1.judge_gains([BETTER], [[BETTER], [BETTER]], blind)


def sweep(fixed: float, moving: float, *, straight: float = 0.0):
    """Risks that fall by these shares, from joint training at 1 and alone at 0.9.

    Where only inputs are turned alignment doubles the risk.
    """
    arms = {"alone": 0.9, "joint": 1.0, "fine-tuned": 1 - fixed, "turned back": 0.1}
    arms |= {"whitened": 2.0}
    for name in ("free", "ridge", "orthogonal"):
        arms |= {f"{name}, B fixed": 1 - fixed, f"{name}, B moving": 1 - moving}
    kinds = ("task", "covariance", "unrelated")
    base = np.array(list(arms.values()))
    axes = ("arm", "misalignment", "angle", "repeat")
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=(len(arms), len(kinds), len(ANGLES), 200))
    risk = np.broadcast_to(base[:, None, None, None], noise.shape).copy()
    free = np.array([name.startswith("free") for name in arms])
    risk[free, 1] = 2.0
    risk[free, :, 0] = 1.2 - straight
    risk[free, 2, 1:] = 1.0
    return xr.Dataset(
        {"risk": (axes, risk * (1 + noise))},
        {"arm": list(arms), "misalignment": list(kinds), "angle": list(ANGLES)},
    )


def find(monkeypatch, data: xr.Dataset):
    monkeypatch.setattr(algorithm_1, "alignment_sweep", lambda _: data)
    return algorithm_1.find(Few())


def test_each_reading_has_its_own_verdict(monkeypatch):
    found = {f.claim: f for f in find(monkeypatch, sweep(0.05, 0.5))}
    assert {claim: f.verdict for claim, f in found.items()} == {
        "W-A1": Verdict.VACUOUS,
        "W-A1m": Verdict.HOLDS,
        "W-A1c": Verdict.FAILS,
        "W-A1cm": Verdict.FAILS,
    }
    assert "B moving" in found["W-A1m"].statement
    assert "only the source's inputs" in found["W-A1c"].statement
    moving = found["W-A1m"]
    assert "better at 2 and worse at 0 than training together" in moving.reason
    assert "better at 2 and worse at 0 than fine-tuning" in moving.reason
    assert "twice the budget" in moving.reason
    fixed = found["W-A1"].reason
    assert "better at 0 and worse at 0 than fine-tuning" in fixed
    assert "the same budget" in fixed
    # Two misaligned angles against three arms; (1 − 0.5)/(1 + 0.5) over joint.
    first = moving.measurements[0]
    assert first.interval.startswith("99.17 % Student")
    assert first.value == pytest.approx(1 / 3, rel=1e-2)
    assert first.quantity == (
        "relative gain of 'free, B moving' over 'joint', task at 30 degrees"
    )


def test_a_gain_that_fine_tuning_has_as_well_is_not_owed_to_alignment(monkeypatch):
    """Far better than training together and alone, and by a second stage only."""
    found = {f.claim: f for f in find(monkeypatch, sweep(0.5, 0.7))}
    assert found["W-A1"].verdict is Verdict.VACUOUS
    assert found["W-A1m"].verdict is Verdict.HOLDS


def test_the_gain_over_training_together_from_unrelated_sources_is_told(monkeypatch):
    data = sweep(0.2, 0.5)
    unrelated = {"misalignment": "unrelated"}
    data["risk"].loc[{"arm": "joint"} | unrelated] *= 3
    fixed, *_ = find(monkeypatch, data)
    # (3 − 1)/(3 + 1).
    assert "Over training together it gains 0.5 to 0.5 from unrelated" in fixed.reason
    assert sum("unrelated" in entry.quantity for entry in fixed.measurements) == 2


@pytest.mark.parametrize("rival", algorithm_1.RIVALS)
def test_a_gain_from_unrelated_sources_at_one_of_two_angles_is_an_error(
    monkeypatch, rival
):
    data = sweep(0.05, 0.5)
    data["risk"].loc[{"arm": rival, "misalignment": "unrelated", "angle": 90.0}] *= 2
    dropped = rf"a source that is related \(no gain over '{rival}'"
    with pytest.raises(CheckError, match=f"no power: with '{dropped}.*noticed 0 of 1"):
        find(monkeypatch, data)


def test_a_gain_where_nothing_is_turned_is_an_error(monkeypatch):
    with pytest.raises(CheckError, match="no power: with 'a rotation"):
        find(monkeypatch, sweep(0.05, 0.5, straight=0.5))


def test_a_gain_that_must_be_seen_and_is_not_is_an_error(monkeypatch):
    data = sweep(0.05, 0.5)
    data["risk"].loc[{"arm": "turned back"}] = data["risk"].sel(arm="joint") * 1.01
    data["risk"].loc[{"arm": "turned back", "repeat": 0}] *= 1.01
    with pytest.raises(CheckError, match="no power: with 'ignorance"):
        find(monkeypatch, data)
