"""M-PT: up to which shift sharing pays, for tasks of one covariance."""

from typing import NamedTuple

import numpy as np

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import (
    Measurement,
    extreme,
    failure_rate,
    mean_with_interval,
)
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from paper_checks.studies.signs_of_gains import draws_over_sizes, pattern, settled_sign
from simulations.draws.pooled_draws import PooledDraws
from theory.risk import PhaseTransition, phase_transition

SOURCE = "mathematics.md §3, phase transition; derived here"
DIMENSION = 60
# Of the target, in units of p: two below 3p, two from there on.
TARGETS = (1.4, 1.6, 3.0, 8.0)
# Of the source: from next to nothing to next to everything.
SIZES = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 10.0, 40.0, 1000.0)
# Eigenvalues of a source that sees a tenth of the directions, of trace p.
FEW = np.repeat([9.99, 1 / 900], [DIMENSION // 10, DIMENSION - DIMENSION // 10])
# Signs along growing sources in the phases of growing shift.
PRINTED = ("+", "+-", "-", "-")
MENDED = ("+", "+-", "-+-", "-")


class Series(NamedTuple):
    """Draws at all sizes of the source, for one size of the target."""

    target: int
    draws: list[PooledDraws]

    def pattern(self, shift: float) -> str:
        """Signs of the gain at growing sizes, for `σ² = 1`."""
        return pattern([settled_sign(one.gain(1.0, shift)) for one in self.draws])


def draw(seed: int, count: int, target: float, spectrum: np.ndarray) -> Series:
    """Draw rows for a target of `target` times `p` rows."""
    p = len(spectrum)
    sizes = [max(1, round(share * p)) for share in SIZES]
    rows = round(target * p)
    return Series(rows, draws_over_sizes(seed, count, spectrum, sizes, rows))


def shifts(borders: PhaseTransition) -> list[tuple[int, float]]:
    """A shift well inside every phase that is not empty, and the phase's number."""
    always, first, ever = (
        float(border)
        for border in (borders.always_pays, borders.pays_at_first, borders.ever_pays)
    )
    inside = [(0, 0.7 * always), (1, (always * first) ** 0.5), (3, 1.4 * ever)]
    # Nearer to the upper border, as few source rows hurt by little in all.
    third = [(2, (first * ever**2) ** (1 / 3))] if ever > 1.02 * first else []
    return inside + third


def broken(
    series: Series, borders: PhaseTransition, patterns: tuple[str, ...]
) -> list[bool]:
    """Whether draws contradict each phase."""
    return [
        series.pattern(shift) != patterns[phase] for phase, shift in shifts(borders)
    ]


def stated(target: int, *, factor: float = 1.0) -> PhaseTransition:
    """The borders at `σ² = 1`; a factor other than 1 is a mutant."""
    found = phase_transition(target, DIMENSION, 1.0)
    return PhaseTransition(
        *(
            factor * border
            for border in (found.always_pays, found.pays_at_first, found.ever_pays)
        )
    )


def find(settings: Settings) -> list[Finding]:
    """Compare signs of the gain in every phase with those stated, and with more."""
    count = settings.scaled(96, 512)
    drawn = [
        draw(settings.seed, count, target, np.ones(DIMENSION)) for target in TARGETS
    ]
    apart = [draw(settings.seed, count, target, FEW) for target in TARGETS[1:3]]
    controls = (
        Control(
            dropped="equal covariances (a tenth of the source's eigenvalues near 10, "
            "the others 0.001, the same trace)",
            noticed=sum(any(broken(s, stated(s.target), MENDED)) for s in apart),
            instances=len(apart),
        ),
        Control(
            dropped="the 2 of E|b_1 - b_2|^2 = 2 mu^2 (borders twice as high)",
            noticed=sum(
                any(broken(s, stated(s.target, factor=2.0), MENDED)) for s in drawn
            ),
            instances=len(drawn),
        ),
    )
    marks = {
        name: [b for s in drawn for b in broken(s, stated(s.target), patterns)]
        for name, patterns in {"printed": PRINTED, "mended": MENDED}.items()
    }
    worst = _deviations(drawn)
    return [
        _finding(settings, name, found, controls, worst, drawn)
        for name, found in marks.items()
    ]


def _deviations(drawn: list[Series]) -> Measurement:
    """How far measured break-even shifts are from those that the theory gives."""
    apart = []
    for series in drawn:
        c = DIMENSION / series.target
        alone = float(DIMENSION / (series.target - DIMENSION))
        for share, one in zip(SIZES, series.draws, strict=True):
            n = max(1, round(share * DIMENSION))
            u = n / (n + series.target)
            level = 2 * c * u**2 + (1 - 3 * c) * u + c
            measured = np.mean(one.alone - one.variance) / (2 * np.mean(one.bias))
            apart.append(abs(measured * 2 * level / alone - 1))
    return extreme("largest |measured/stated - 1| of break-even shifts", apart)


def _finding(
    settings: Settings,
    name: str,
    marks: list[bool],
    controls: tuple[Control, ...],
    worst: Measurement,
    drawn: list[Series],
) -> Finding:
    low = stated(drawn[1].target)
    between = (float(low.pays_at_first) * float(low.ever_pays)) ** 0.5
    middle = drawn[1].draws[SIZES.index(1.0)].gain(1.0, between)
    seen = (
        f"signs of the gain along growing sources in {len(marks)} phases, for targets "
        f"of {', '.join(f'{target:g}p' for target in TARGETS)} rows: "
        f"{sum(marks)} are not as said. "
    )
    told = {
        "printed": "For p < n_2 < 3p sharing can hurt with few source rows, pay with "
        "more and hurt again above the second border, where it is said to hurt always",
        "mended": "For n_2 < 3p there is a third border, "
        "R/(2[1 - (1+c)^2/(8c)]), c = p/n_2, R the risk alone: up to it sharing hurts, "
        "pays and hurts again",
    }
    statement = (
        "Equal covariances, q = mu^2 tr(Sigma)/p: up to sigma^2 p/(2(n_2-p)) sharing "
        "always pays, up to sigma^2 n_2/(2(n_2-p)) until one n_0, above "
    )
    rest = {
        "printed": "never.",
        "mended": "never if n_2 >= 3p; else it hurts, pays and hurts up to a third.",
    }
    return Finding(
        claim="M-PT" if name == "printed" else "M-PTc",
        statement=statement + rest[name],
        source=f"{'M-PT' if name == 'printed' else 'M-PTc'} ({SOURCE})",
        verdict=judge(not any(marks), controls),
        reason=seen + told[name],
        measurements=(
            failure_rate("phases with other signs", sum(marks), len(marks)),
            worst,
            _gain(middle, between),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _gain(values: np.ndarray, shift: float) -> Measurement:
    return mean_with_interval(
        f"gain at n_2 = 1.6p, n_1 = p, mu^2 = {shift:.3g}, above the second border",
        values,
    )
