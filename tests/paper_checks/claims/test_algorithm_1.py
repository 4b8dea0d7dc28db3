import dataclasses

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import algorithm_1
from paper_checks.judge import CheckError, Verdict
from paper_checks.judge.finding import Finding
from paper_checks.settings import Settings

ANGLES = (0.0, 30.0, 90.0)
ARM = "free, B fixed"


def sweep(fixed: float, moving: float, *, straight: float = 0.0) -> xr.Dataset:
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


def find(data: xr.Dataset) -> dict[str, Finding]:
    claims = (dataclasses.replace(c, study=lambda _: data) for c in algorithm_1.CLAIMS)
    return {claim.id: claim.find(Settings()) for claim in claims}


def put(data: xr.Dataset, value: float, **at) -> None:
    """Risks of this mean in a cell, with the noise that is there."""
    old = data["risk"].sel(at)
    data["risk"].loc[at] = old / old.mean() * value


# Risks at 30 and 90 degrees of joint training, of alone and of fine-tuning, where that
# of alignment is 1.
BETTER, EVEN, WORSE = 2.0, 1.0, 0.5


@pytest.mark.parametrize(
    ("joint", "alone", "tuned", "verdict"),
    [
        ((BETTER, EVEN), (BETTER, WORSE), (BETTER, WORSE), Verdict.HOLDS),
        ((BETTER, BETTER), (EVEN, BETTER), (EVEN, BETTER), Verdict.HOLDS),
        # Better than one at one angle and than the other at another is not enough.
        ((EVEN, BETTER), (BETTER, EVEN), (BETTER, BETTER), Verdict.VACUOUS),
        ((BETTER, BETTER), (BETTER, EVEN), (EVEN, BETTER), Verdict.VACUOUS),
        # Nothing over the arm of equal budget.
        ((BETTER, BETTER), (BETTER, BETTER), (EVEN, WORSE), Verdict.VACUOUS),
        ((BETTER, WORSE), (BETTER, BETTER), (BETTER, BETTER), Verdict.FAILS),
        ((EVEN, EVEN), (BETTER, BETTER), (BETTER, BETTER), Verdict.FAILS),
    ],
)
def test_verdicts(joint, alone, tuned, verdict):
    data = sweep(0.05, 0.5)
    rivals = {ARM: (1.0, 1.0), "joint": joint, "alone": alone, "fine-tuned": tuned}
    for arm, risks in rivals.items():
        for angle, risk in zip(ANGLES[1:], risks, strict=True):
            put(data, risk, arm=arm, misalignment="task", angle=angle)
    found = find(data)["W-A1"]
    assert found.verdict is verdict
    assert found.deciding is not None
    held = found.deciding.low > 0
    assert held is (verdict is Verdict.HOLDS)


def test_each_reading_has_its_own_verdict():
    found = find(sweep(0.05, 0.5))
    assert {claim: f.verdict for claim, f in found.items()} == {
        "W-A1": Verdict.VACUOUS,
        "W-A1m": Verdict.HOLDS,
        "W-A1c": Verdict.FAILS,
        "W-A1cm": Verdict.FAILS,
    }
    moving, fixed = found["W-A1m"], found["W-A1"]
    assert "Of 2 angles" in moving.headline
    assert "at 2 and fine-tuning at 2" in moving.headline
    assert "at 0 and fine-tuning at 0" in fixed.headline
    # Two misaligned angles against three arms; (1 − 0.5)/(1 + 0.5) over joint.
    first = moving.measurements[0]
    assert first.interval.startswith("99.17 % Student")
    assert first.value == pytest.approx(1 / 3, rel=1e-2)
    assert first.quantity == (
        "relative gain of 'free, B moving' over 'joint', task at 30 degrees"
    )


def test_the_gain_over_joint_training_from_unrelated_sources_is_told():
    data = sweep(0.2, 0.5)
    unrelated = {"misalignment": "unrelated"}
    data["risk"].loc[{"arm": "joint"} | unrelated] *= 3
    fixed = find(data)["W-A1"]
    # (3 − 1)/(3 + 1).
    assert any("it gains 0.5 to 0.5 over joint" in text for text in fixed.details)
    assert sum("unrelated" in entry.quantity for entry in fixed.measurements) == 2


@pytest.mark.parametrize("rival", algorithm_1.RIVALS)
def test_a_gain_from_unrelated_sources_at_one_of_two_angles_is_an_error(rival):
    data = sweep(0.05, 0.5)
    data["risk"].loc[{"arm": rival, "misalignment": "unrelated", "angle": 90.0}] *= 2
    dropped = rf"a source that is related \(no gain over '{rival}'"
    with pytest.raises(CheckError, match=f"no power: with '{dropped}.*noticed 0 of 1"):
        find(data)


def test_a_gain_where_nothing_is_turned_is_an_error():
    with pytest.raises(CheckError, match="no power: with 'a rotation"):
        find(sweep(0.05, 0.5, straight=0.5))


def test_a_gain_that_must_be_seen_and_is_not_is_an_error():
    data = sweep(0.05, 0.5)
    data["risk"].loc[{"arm": "turned back"}] = data["risk"].sel(arm="joint") * 1.01
    data["risk"].loc[{"arm": "turned back", "repeat": 0}] *= 1.01
    with pytest.raises(CheckError, match="no power: with 'ignorance"):
        find(data)
