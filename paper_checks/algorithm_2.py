"""W-A2: weights from a singular value decomposition against label noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from paper_checks.real_data import Study, data_named, studies
from paper_checks.settings import Settings
from paper_checks.sweeps import weights_sweep
from paper_checks.verdict import (
    Control,
    Finding,
    Measurement,
    Verdict,
    judge,
    mean_with_interval,
)

SOURCE = "W-A2 (Algorithm 2)"
# Share of labels that the paper randomises.
SHARE = 0.2


@dataclass(frozen=True)
class Reading:
    """One way to read the algorithm, and the uniform weights it is compared with.

    The comparison is on the same labels: scaling them to unit energy is by itself a
    weighting of the loss, whose effect is not the algorithm's.
    """

    claim: str
    name: str
    method: str
    baseline: str
    scheme: str
    scheme_baseline: str


READINGS = (
    Reading("W-A2", "as printed", "printed", "uniform", "printed", "uniform"),
    Reading(
        "W-A2s",
        "on labels of unit energy",
        "standardised",
        "uniform, scaled",
        "standardised",
        "uniform_standardised",
    ),
)

# No algorithm at all: what scaling the labels does by itself, as the control.
SCALING = Reading("", "", "uniform, scaled", "uniform", "", "")


def find(settings: Settings) -> Sequence[Finding]:
    """Judge the algorithm as printed and with standardised labels."""
    sweep = weights_sweep(settings)
    studied = studies(settings, lambda _: None)
    return [_finding(settings, reading, sweep, studied) for reading in READINGS]


def _finding(
    settings: Settings, reading: Reading, sweep: xr.Dataset, studied: dict[str, Study]
) -> Finding:
    levels = [
        (axis, float(level))
        for axis in ("share", "loudness")
        for level in sweep[axis].values
        if level > 0
    ]
    # Bonferroni: being worse in any one of these comparisons decides the verdict.
    confidence = 1 - 0.05 / (len(levels) + len(studied))
    simulated = {
        (axis, level): _simulated(sweep, reading, axis, level, confidence)
        for axis, level in levels
    }
    real = [
        _real(name, study["label_noise"], reading, confidence)
        for name, study in studied.items()
    ]
    at_paper = simulated["share", SHARE]
    groups = {
        "levels of random labels": [
            g for (a, _), g in simulated.items() if a == "share"
        ],
        "levels of additive noise": [
            g for (a, _), g in simulated.items() if a == "loudness"
        ],
        "real sets with 20 % random labels on one task": real,
    }
    loudest = float(sweep.loudness.values[-1])
    scaling = _simulated(sweep, SCALING, "loudness", loudest, confidence)
    control = Control(
        dropped=f"labels of one size (noise of {loudest:g} label sd on one task; "
        "scaling its labels must then help, and be seen to)",
        noticed=int(scaling.low > 0),
        instances=1,
    )
    return Finding(
        claim=reading.claim,
        statement=f"Algorithm 2 {reading.name}: weights |theta_i' U_r| make training "
        "more robust to label noise.",
        source=SOURCE,
        verdict=judge_gains(at_paper, [*simulated.values(), *real], control),
        reason=_reason(reading, groups),
        measurements=(*simulated.values(), *real),
        controls=(control,),
        data=data_named(studied),
        seed=settings.seed,
    )


def judge_gains(
    at_paper: Measurement, all_gains: Sequence[Measurement], control: Control
) -> Verdict:
    """Fails where it is worse than uniform weights somewhere beyond its interval.

    It holds if it is never worse and better at the paper's share of random labels;
    if it is neither, it says nothing that uniform weights do not: vacuous.
    """
    verdict = judge(all(gain.high >= 0 for gain in all_gains), (control,))
    if verdict is Verdict.FAILS:
        return verdict
    return Verdict.HOLDS if at_paper.low > 0 else Verdict.VACUOUS


def _simulated(
    sweep: xr.Dataset, reading: Reading, axis: str, level: float, confidence: float
) -> Measurement:
    """Relative fall of the clean tasks' excess risk; paired over repeats."""
    risk = sweep[f"risk_{axis}"].sel({axis: level})
    clean = risk.isel(task=np.flatnonzero(~sweep.corrupted.values)).mean("task")
    uniform = clean.sel({"scheme": reading.baseline})
    weighted = clean.sel({"scheme": reading.method})
    what = "of labels random" if axis == "share" else "label sd of noise added"
    return mean_with_interval(
        f"relative gain of clean tasks over uniform weights, {level:g} {what}",
        ((uniform - weighted) / (uniform + weighted)).values,
        confidence=confidence,
    )


def _real(
    name: str, data: xr.Dataset, reading: Reading, confidence: float
) -> Measurement:
    """Fall of the mean test error of all tasks; paired over random splits."""
    error = data.test_error.mean("task")
    gain = error.sel(scheme=reading.scheme_baseline) - error.sel(scheme=reading.scheme)
    training = data.attrs["training_share"]
    return mean_with_interval(
        f"{name}: test error, uniform minus weighted (label variances, over splits)",
        gain.values,
        confidence=confidence,
        overlap=(1 - training) / training,
    )


def _reason(reading: Reading, groups: Mapping[str, Sequence[Measurement]]) -> str:
    """Count levels and data sets on which it helps and hurts."""
    parts = []
    for name, gains in groups.items():
        better = sum(gain.low > 0 for gain in gains)
        worse = sum(gain.high < 0 for gain in gains)
        parts.append(f"better on {better} and worse on {worse} of {len(gains)} {name}")
    return f"{reading.name}, against uniform weights on the same labels: " + "; ".join(
        parts
    )
