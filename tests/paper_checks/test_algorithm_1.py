import numpy as np
import pytest
import xarray as xr

from paper_checks import algorithm_1
from paper_checks.verdict import CheckError, Control, Measurement, Verdict
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
    ("over_joint", "over_alone", "verdict"),
    [
        ([BETTER, EVEN], [BETTER, WORSE], Verdict.HOLDS),
        ([BETTER, BETTER], [EVEN, BETTER], Verdict.HOLDS),
        # Better than one at one angle and than the other at another is not enough.
        ([EVEN, BETTER], [BETTER, EVEN], Verdict.VACUOUS),
        ([BETTER, BETTER], [WORSE, EVEN], Verdict.VACUOUS),
        ([BETTER, WORSE], [BETTER, BETTER], Verdict.FAILS),
        ([EVEN, EVEN], [BETTER, BETTER], Verdict.FAILS),
        ([BETTER, LOST], [BETTER, BETTER], Verdict.FAILS),
    ],
)
def test_branches(over_joint, over_alone, verdict):
    assert algorithm_1.judge_gains(over_joint, over_alone, SEEN) is verdict


def test_a_sweep_without_power_is_no_evidence():
    blind = (Control(dropped="a rotation", noticed=0, instances=1),)
    with pytest.raises(CheckError, match="no power"):
        algorithm_1.judge_gains([BETTER], [BETTER], blind)


def sweep(fixed: float, moving: float, *, straight: float = 0.0, odd: float = 0.0):
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
    risk[free, 2, 1:] = 1.0 - odd
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
    assert "better at 0 and worse at 0 than fine-tuning" in found["W-A1"].reason
    # Two misaligned angles against two rivals; (1 − 0.5)/(1 + 0.5) over joint.
    first = moving.measurements[0]
    assert first.interval.startswith("98.75 % Student")
    assert first.value == pytest.approx(1 / 3, rel=1e-2)
    assert first.quantity == (
        "relative gain of 'free, B moving' over 'joint', task at 30 degrees"
    )


@pytest.mark.parametrize(
    ("changed", "dropped"),
    [({"straight": 0.5}, "a rotation"), ({"odd": 0.5}, "a source that is related")],
)
def test_a_gain_where_there_is_nothing_to_gain_is_an_error(
    monkeypatch, changed, dropped
):
    with pytest.raises(CheckError, match=f"no power: with '{dropped}"):
        find(monkeypatch, sweep(0.05, 0.5, **changed))


def test_a_gain_that_must_be_seen_and_is_not_is_an_error(monkeypatch):
    data = sweep(0.05, 0.5)
    data["risk"].loc[{"arm": "turned back"}] = data["risk"].sel(arm="joint") * 1.01
    data["risk"].loc[{"arm": "turned back", "repeat": 0}] *= 1.01
    with pytest.raises(CheckError, match="no power: with 'ignorance"):
        find(monkeypatch, data)
