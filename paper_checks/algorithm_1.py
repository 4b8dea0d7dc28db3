"""W-A1: alignment matrices before the shared module, against misalignment."""

from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from paper_checks.settings import Settings
from paper_checks.sweeps import alignment_sweep
from paper_checks.verdict import (
    Control,
    Finding,
    Measurement,
    Verdict,
    judge,
    mean_with_interval,
)

SOURCE = "W-A1 (Algorithm 1)"


@dataclass(frozen=True)
class Reading:
    """Whether `B` moves, and what is rotated: the text leaves both open."""

    claim: str
    module: str
    misalignment: str

    @property
    def arm(self) -> str:
        """The algorithm as printed: free matrices, no penalty."""
        return f"free, {self.module}"

    @property
    def name(self) -> str:
        """For the statement."""
        turned = {
            "task": "the source's inputs and parameter are turned together",
            "covariance": "only the source's inputs are turned, with the target's "
            "own parameter",
        }
        return f"{self.module}, {turned[self.misalignment]}"


READINGS = (
    Reading("W-A1", "B fixed", "task"),
    Reading("W-A1m", "B moving", "task"),
    Reading("W-A1c", "B fixed", "covariance"),
    Reading("W-A1cm", "B moving", "covariance"),
)


def find(settings: Settings) -> Sequence[Finding]:
    """Judge Algorithm 1 in both readings of `B`, on both kinds of rotated tasks."""
    sweep = alignment_sweep(settings)
    return [_finding(settings, reading, sweep) for reading in READINGS]


def judge_gains(
    over_joint: Sequence[Measurement],
    over_alone: Sequence[Measurement],
    controls: tuple[Control, ...],
) -> Verdict:
    """What gains at the misaligned angles say; both in the order of the angles.

    It fails if training is worse than without alignment at some angle, beyond the
    interval, or better at none. If it is better than training together and than
    training alone at one and the same angle it holds. Else what it gains is what
    training alone gives as well: vacuous.
    """
    worse = any(not gain.high >= 0 for gain in over_joint)
    better = [gain.low > 0 for gain in over_joint]
    verdict = judge(any(better) and not worse, controls)
    if verdict is Verdict.FAILS:
        return verdict
    useful = (a and b.low > 0 for a, b in zip(better, over_alone, strict=True))
    return Verdict.HOLDS if any(useful) else Verdict.VACUOUS


def controls_of(sweep: xr.Dataset, reading: Reading) -> tuple[Control, ...]:
    """Where alignment has nothing to find, and what the check says there."""
    straight = float(sweep.angle.min())
    aligned = _gain(sweep, reading.arm, "joint", reading.misalignment, straight, 0.95)
    turns = _angles(sweep)
    confidence = 1 - 0.05 / len(turns)
    nothing = [
        _gain(sweep, reading.arm, "alone", "unrelated", angle, confidence)
        for angle in turns
    ]
    known = _gain(sweep, "turned back", "joint", "task", float(sweep.angle.max()), 0.95)
    return (
        Control(
            dropped=f"a rotation (at {straight:g} degrees no gain may be seen)",
            noticed=int(not aligned.low > 0),
            instances=1,
        ),
        Control(
            dropped="a source that is related (no gain over training alone may be "
            "seen at any angle)",
            noticed=sum(not gain.low > 0 for gain in nothing),
            instances=len(nothing),
        ),
        Control(
            dropped="ignorance of the rotation (with the true R_2 a gain must be seen)",
            noticed=int(known.low > 0),
            instances=1,
        ),
    )


def _finding(settings: Settings, reading: Reading, sweep: xr.Dataset) -> Finding:
    turns = _angles(sweep)
    # Bonferroni: one angle and one comparison off zero can decide the verdict.
    confidence = 1 - 0.05 / (2 * len(turns))

    def gains(arm: str, over: str) -> list[Measurement]:
        kind = reading.misalignment
        return [_gain(sweep, arm, over, kind, angle, confidence) for angle in turns]

    over_joint, over_alone = gains(reading.arm, "joint"), gains(reading.arm, "alone")
    controls = controls_of(sweep, reading)
    others = [
        gain
        for arm in (f"ridge, {reading.module}", f"orthogonal, {reading.module}",
                    "fine-tuned", "whitened")
        for gain in gains(arm, "joint")
    ]  # fmt: skip
    return Finding(
        claim=reading.claim,
        statement="Alignment matrices before the shared module (Algorithm 1) improve "
        f"training on tasks with rotated covariances: {reading.name}.",
        source=SOURCE,
        verdict=judge_gains(over_joint, over_alone, controls),
        reason=_reason(sweep, reading, over_joint, over_alone),
        measurements=(*over_joint, *over_alone, *others),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _angles(sweep: xr.Dataset) -> list[float]:
    return [float(angle) for angle in sweep.angle.values if angle > 0]


def _gain(
    sweep: xr.Dataset, arm: str, over: str, kind: str, angle: float, confidence: float
) -> Measurement:
    """Relative fall of the target's excess risk; paired over repeats."""
    risk = sweep.risk.sel(misalignment=kind, angle=angle)
    before, after = risk.sel(arm=over), risk.sel(arm=arm)
    return mean_with_interval(
        f"relative gain of '{arm}' over '{over}', {kind} at {angle:g} degrees",
        ((before - after) / (before + after)).values,
        confidence=confidence,
    )


def _reason(
    sweep: xr.Dataset,
    reading: Reading,
    over_joint: Sequence[Measurement],
    over_alone: Sequence[Measurement],
) -> str:
    """Count angles, and say what alignment adds to plain fine-tuning."""
    turns = _angles(sweep)
    confidence = 1 - 0.05 / len(turns)
    tuned = [
        _gain(sweep, reading.arm, "fine-tuned", reading.misalignment, angle, confidence)
        for angle in turns
    ]
    return (
        f"{reading.name}; of {len(turns)} misaligned angles, one validation protocol "
        f"for all: {_count(over_joint)} than training together, "
        f"{_count(over_alone)} than training alone, {_count(tuned)} than fine-tuning "
        "the target from the joint point without any alignment. Free or orthogonal "
        "R_i let any B fit every task alone, so a gain is owed to stopping early"
    )


def _count(gains: Sequence[Measurement]) -> str:
    better = sum(gain.low > 0 for gain in gains)
    worse = sum(gain.high < 0 for gain in gains)
    return f"better at {better} and worse at {worse}"
