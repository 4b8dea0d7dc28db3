"""W-A2: weights from a singular value decomposition against label noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings
from paper_checks.studies.linear_benchmarks import Study, data_named, studies
from paper_checks.studies.simulated import weights_sweep

SOURCE = "W-A2 (Algorithm 2)"
# Share of labels that the paper randomises.
SHARE = 0.2
# Kinds of noise, and what a level is.
AXES = {"share": "of labels random", "loudness": "label sd of noise added"}


@dataclass(frozen=True)
class Reading:
    """One way to read the algorithm, and the uniform weights it is compared with.

    The comparison is on the same labels: scaling them to unit energy is by itself a
    weighting of the loss, whose effect is not the algorithm's. Nor is what the weights
    gain without noise a matter of noise: a gain is judged beside what it is beyond
    that, on the same draws.
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
        for axis in AXES
        for level in sweep[axis].values
        if level > 0
    ]
    noisy = {
        name: s["label_noise"] for name, s in studied.items() if "label_noise" in s
    }
    # Bonferroni: being worse in any one of these comparisons decides the verdict.
    confidence = 1 - 0.05 / (2 * len(levels) + len(noisy))
    gains = {at: _gain(sweep, reading, *at, confidence) for at in levels}
    extras = {at: _extra(sweep, reading, *at, confidence) for at in levels}
    quiet = _gain(sweep, reading, "share", 0.0, confidence)
    real = [_real(name, data, reading, confidence) for name, data in noisy.items()]
    controls = controls_of(sweep, reading, confidence)
    paper = "share", SHARE
    return Finding(
        claim=reading.claim,
        statement=f"Algorithm 2 {reading.name}: weights |theta_i' U_r| make training "
        f"more robust to label noise ({SHARE:.0%} random labels on some tasks).",
        source=SOURCE,
        verdict=judge_gains(
            (gains[paper], extras[paper]),
            [*gains.values(), *extras.values(), *real],
            controls,
        ),
        reason=_reason(reading, sweep, gains, extras, quiet)
        + _reason_of_real(studied, real),
        measurements=(quiet, *gains.values(), *extras.values(), *real),
        controls=controls,
        data=data_named(studied),
        seed=settings.seed,
    )


def judge_gains(
    at_paper: tuple[Measurement, Measurement],
    all_gains: Sequence[Measurement],
    controls: tuple[Control, ...],
) -> Verdict:
    """Fails where it is worse than uniform weights somewhere beyond its interval.

    It holds if it is never worse, and at the paper's share of random labels is better
    by more than it is without any noise. If it is not, it says nothing of noise that
    uniform weights, or the same weights on clean labels, do not: vacuous.

    Args:
        at_paper: The gain over uniform weights at the paper's share, and what it is
            beyond the gain without noise.
        all_gains: Gains of both kinds at all levels and on real data.
        controls: What must be seen, and what must not.

    Raises:
        CheckError: A control is not noticed.
    """
    verdict = judge(all(gain.high >= 0 for gain in all_gains), controls)
    if verdict is Verdict.FAILS:
        return verdict
    seen = all(gain.low > 0 for gain in at_paper)
    return Verdict.HOLDS if seen else Verdict.VACUOUS


def controls_of(
    sweep: xr.Dataset, reading: Reading, confidence: float
) -> tuple[Control, ...]:
    """An effect that must be seen, and draws without noise, where none may be."""
    loudest = float(sweep.loudness.values[-1])
    scaling = [
        of(sweep, SCALING, "loudness", loudest, confidence) for of in (_gain, _extra)
    ]
    quiet = _gains(sweep, reading, "share", 0.0)
    half = len(quiet) // 2
    # The same quantity as is judged: a gain at a level less that without noise.
    nothing = mean_with_interval(
        "gain without noise beyond that of other draws without noise",
        quiet[:half] - quiet[half : 2 * half],
        confidence=confidence,
    )
    return (
        Control(
            dropped=f"labels of one size (noise of {loudest:g} label sd on some tasks; "
            "scaling their labels must then help, more than without noise)",
            noticed=int(all(gain.low > 0 for gain in scaling)),
            instances=1,
        ),
        Control(
            dropped="noise in the labels (half of the draws without it against the "
            "other half: no gain may be seen)",
            noticed=int(not nothing.low > 0),
            instances=1,
        ),
    )


def _gains(
    sweep: xr.Dataset, reading: Reading, axis: str, level: float
) -> Float[np.ndarray, " n"]:
    """Relative fall of the clean tasks' excess risk, one a repeat."""
    risk = sweep[f"risk_{axis}"].sel({axis: level})
    clean = risk.isel(task=np.flatnonzero(~sweep.corrupted.values)).mean("task")
    uniform = clean.sel({"scheme": reading.baseline})
    weighted = clean.sel({"scheme": reading.method})
    return ((uniform - weighted) / (uniform + weighted)).values


def _gain(
    sweep: xr.Dataset, reading: Reading, axis: str, level: float, confidence: float
) -> Measurement:
    """Mean gain over uniform weights; paired over repeats."""
    return mean_with_interval(
        f"relative gain of clean tasks over uniform weights, {level:g} {AXES[axis]}",
        _gains(sweep, reading, axis, level),
        confidence=confidence,
    )


def _extra(
    sweep: xr.Dataset, reading: Reading, axis: str, level: float, confidence: float
) -> Measurement:
    """Mean gain less the gain on the same draws without noise; paired over repeats."""
    return mean_with_interval(
        f"gain beyond that without noise, {level:g} {AXES[axis]}",
        _gains(sweep, reading, axis, level) - _gains(sweep, reading, axis, 0.0),
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


def _reason(
    reading: Reading,
    sweep: xr.Dataset,
    gains: Mapping[tuple[str, float], Measurement],
    extras: Mapping[tuple[str, float], Measurement],
    quiet: Measurement,
) -> str:
    """Count levels on which it helps and hurts, and helps more than without noise."""
    bad, extra = int(sweep.corrupted.sum()), extras["share", SHARE]
    kinds = {"share": "levels of random labels", "loudness": "levels of additive noise"}

    def counts(found: Mapping[tuple[str, float], Measurement]) -> str:
        return "; ".join(
            _count([gain for at, gain in found.items() if at[0] == axis], kind)
            for axis, kind in kinds.items()
        )

    return (
        f"{reading.name}, against uniform weights on the same labels, {bad} of "
        f"{sweep.sizes['task']} tasks noisy: {counts(gains)}. Without any noise it "
        f"gains {quiet.value:.2g} [{quiet.low:.2g}, {quiet.high:.2g}]; beyond that it "
        f"is {counts(extras)}; at {SHARE:.0%} random labels by {extra.value:.2g} "
        f"[{extra.low:.2g}, {extra.high:.2g}] of {gains['share', SHARE].value:.2g}"
    )


def _reason_of_real(studied: Mapping[str, Study], real: Sequence[Measurement]) -> str:
    """Count real sets, whose gain without noise is not known, and name those left out.

    A set is left out where a split takes so long that there are none.
    """
    kind = f"real sets with {SHARE:.0%} random labels on one task"
    without = [name for name, study in studied.items() if "label_noise" not in study]
    left_out = f" (left out: {', '.join(without)})" if without else ""
    return f". {_count(real, kind).capitalize()}{left_out}"


def _count(gains: Sequence[Measurement], kind: str) -> str:
    better = sum(gain.low > 0 for gain in gains)
    worse = sum(gain.high < 0 for gain in gains)
    return f"better on {better} and worse on {worse} of {len(gains)} {kind}"
