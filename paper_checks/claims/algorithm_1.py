"""W-A1: alignment matrices before the shared module, against misalignment."""

from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings
from paper_checks.studies.simulated import alignment_sweep

SOURCE = "W-A1 (Algorithm 1)"
# With `B` fixed an arm starts at the point chosen for joint training, and has a second
# budget of rounds and a second choice by the validation rows. Fine-tuning has the same
# two stages and no `R_i`. With `B` moving there is one stage, as for *alone* and
# *joint*: there fine-tuning has twice the budget, and is a rival all the same.
RIVALS = ("alone", "fine-tuned")


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
    over_rivals: Sequence[Sequence[Measurement]],
    controls: tuple[Control, ...],
) -> Verdict:
    """What gains at the misaligned angles say; all in the order of the angles.

    It fails if training is worse than without alignment at some angle, beyond the
    interval, or better at none. If it is better than training together and than every
    rival at one and the same angle it holds. Else what it gains is what a rival gives
    without any alignment: vacuous.

    Args:
        over_joint: Gains over training together.
        over_rivals: Gains over each of `RIVALS`.
        controls: Where there is nothing to gain, or something that must be seen.

    Raises:
        CheckError: A control is not noticed.
    """
    worse = any(not gain.high >= 0 for gain in over_joint)
    better = [gain.low > 0 for gain in over_joint]
    verdict = judge(any(better) and not worse, controls)
    if verdict is Verdict.FAILS:
        return verdict
    beaten = [[gain.low > 0 for gain in gains] for gains in over_rivals]
    useful = [all(at_angle) for at_angle in zip(better, *beaten, strict=True)]
    return Verdict.HOLDS if any(useful) else Verdict.VACUOUS


def controls_of(sweep: xr.Dataset, reading: Reading) -> tuple[Control, ...]:
    """Where alignment has nothing to find, and what the check says there."""
    straight = float(sweep.angle.min())
    aligned = _gain(sweep, reading.arm, "joint", reading.misalignment, straight, 0.95)
    known = _gain(sweep, "turned back", "joint", "task", float(sweep.angle.max()), 0.95)
    return (
        Control(
            dropped=f"a rotation (at {straight:g} degrees no gain may be seen)",
            noticed=int(not aligned.low > 0),
            instances=1,
        ),
        *(_unrelated(sweep, reading, rival) for rival in RIVALS),
        Control(
            dropped="ignorance of the rotation (with the true R_2 a gain must be seen)",
            noticed=int(known.low > 0),
            instances=1,
        ),
    )


def _unrelated(sweep: xr.Dataset, reading: Reading, rival: str) -> Control:
    """No gain over a rival from sources that have nothing to do with the target."""
    confidence = 1 - 0.05 / len(_angles(sweep))
    gains = _gains(sweep, reading.arm, rival, "unrelated", confidence)
    return Control(
        dropped=f"a source that is related (no gain over '{rival}' may be seen at any "
        "angle)",
        # One instance: of several, half would do.
        noticed=int(not any(gain.low > 0 for gain in gains)),
        instances=1,
    )


def _finding(settings: Settings, reading: Reading, sweep: xr.Dataset) -> Finding:
    # Bonferroni: one angle and one comparison off zero can decide the verdict.
    confidence = 1 - 0.05 / ((1 + len(RIVALS)) * len(_angles(sweep)))

    def gains(arm: str, over: str, kind: str = "") -> list[Measurement]:
        return _gains(sweep, arm, over, kind or reading.misalignment, confidence)

    over_joint = gains(reading.arm, "joint")
    over_rivals = [gains(reading.arm, rival) for rival in RIVALS]
    unrelated = gains(reading.arm, "joint", "unrelated")
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
        verdict=judge_gains(over_joint, over_rivals, controls),
        reason=_reason(reading, over_joint, over_rivals, unrelated),
        measurements=(
            *over_joint,
            *(gain for rival in over_rivals for gain in rival),
            *unrelated,
            *others,
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _angles(sweep: xr.Dataset) -> list[float]:
    return [float(angle) for angle in sweep.angle.values if angle > 0]


def _gains(
    sweep: xr.Dataset, arm: str, over: str, kind: str, confidence: float
) -> list[Measurement]:
    """Gains at the misaligned angles."""
    return [
        _gain(sweep, arm, over, kind, angle, confidence) for angle in _angles(sweep)
    ]


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
    reading: Reading,
    over_joint: Sequence[Measurement],
    over_rivals: Sequence[Sequence[Measurement]],
    unrelated: Sequence[Measurement],
) -> str:
    """Count angles, and say what a gain over training together is worth."""
    over_alone, over_tuned = over_rivals
    means = [gain.value for gain in unrelated]
    budget = "the same" if reading.module == "B fixed" else "twice the"
    return (
        f"{reading.name}; of {len(over_joint)} misaligned angles, one validation "
        f"protocol for all: {_count(over_joint)} than training together, "
        f"{_count(over_alone)} than training alone, {_count(over_tuned)} than "
        "fine-tuning the target from the joint point without any alignment, which has "
        f"{budget} budget of rounds and choices. Over training together it gains "
        f"{min(means):.2g} to {max(means):.2g} from unrelated sources as well, where "
        "there is nothing to align: only a gain over all three counts. Free or "
        "orthogonal R_i let any B fit every task alone, so a gain is owed to stopping "
        "early"
    )


def _count(gains: Sequence[Measurement]) -> str:
    better = sum(gain.low > 0 for gain in gains)
    worse = sum(gain.high < 0 for gain in gains)
    return f"better at {better} and worse at {worse}"
