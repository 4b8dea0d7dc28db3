"""M-PT, M-PTc: up to which shift sharing pays, for tasks of one covariance.

With `c = p/n_2`, `R = σ²p/(n_2 − p)` and `U = n_1/(n_1 + n_2)` the limiting gain is
positive where `φ(U) = 2cU² + (1 − 3c)U + c < R/(2q)`. `φ` goes from `c` to 1, so `R/2`
and `R/(2c)` are borders of the shift `q`. For `c > 1/3` it first falls to
`1 − (1 + c)²/(8c)`, which gives a third border that M-PT leaves out.
"""

from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from paper_checks.judge import (
    Control,
    Evidence,
    StudyClaim,
    extreme,
    listed,
    mean_with_interval,
    share_broken,
)
from paper_checks.studies import signs_of_gains as signs

P = signs.DIMENSION
TARGETS = (1.4, 1.6, 3.0, 8.0)  # rows over p: two below 3p, two from there on
SIZES = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 10.0, 40.0, 1000.0)  # source rows over p
# Eigenvalues of a source that sees a tenth of the directions, of trace p.
FEW = np.repeat([9.99, 1 / 900], [P // 10, P - P // 10])
# Signs along growing sources in the phases of growing shift.
PRINTED = ("+", "+-", "-", "-")
MENDED = ("+", "+-", "-+-", "-")


@lru_cache(maxsize=1)  # both claims judge the same draws
def drawn(settings):
    sizes = [max(1, round(share * P)) for share in SIZES]
    draw = partial(signs.draws_over_sizes, settings.seed, settings.scaled(96, 512))
    equal = [draw(np.ones(P), sizes, round(target * P)) for target in TARGETS]
    return equal, [draw(FEW, sizes, round(target * P)) for target in TARGETS[1:3]]


def broken(series, patterns, factor=1.0):  # in each phase, with borders times a factor
    inside = signs.shifts_inside(series.target).items()
    found = [(phase, signs.pattern(series.signs(factor * q))) for phase, q in inside]
    return [told != patterns[phase] for phase, told in found]


def judged(patterns, data):
    equal, apart = data
    marks = [mark for one in equal for mark in broken(one, patterns)]
    others = share_broken("phases with other signs", marks)
    off = extreme(
        "largest |measured/stated - 1| of break-even shifts",
        [np.abs(one.break_even() - 1) for one in equal],
    )
    above = np.prod(signs.borders(equal[1].target)[1:]) ** 0.5
    gain = mean_with_interval(
        f"gain at n_2 = 1.6p, n_1 = p, mu^2 = {above:.3g}, above the second border",
        equal[1].draws[SIZES.index(1.0)].gain(1.0, above),
    )
    return Evidence(
        holds=others.count == 0,
        deciding=others,
        named={"others": others, "off": off, "gain": gain, "above": above},
        measurements=(others, off, gain),
        controls=(
            Control.among(
                "equal covariances (a tenth of the source's eigenvalues near 10, the "
                "others 0.001, the same trace)",
                [any(broken(one, MENDED)) for one in apart],
            ),
            Control.among(
                "the 2 of E|b_1 - b_2|^2 = 2 mu^2 (borders twice as high)",
                [any(broken(one, MENDED, factor=2.0)) for one in equal],
            ),
        ),
    )


STATED = (
    "Equal covariances, q = mu^2 tr(Sigma)/p: up to sigma^2 p/(2(n_2-p)) sharing "
    "always pays, up to sigma^2 n_2/(2(n_2-p)) until one n_0, above "
)
SOURCE = '(docs/mathematics.md, "Phase transition, equal covariances"; derived here)'
TWO = StudyClaim(
    id="M-PT",
    title="Equal covariances: above a second border of the shift, sharing hurts",
    source=f"M-PT {SOURCE}",
    statement=f"{STATED}never.",
    headline="{others.count} of {others.n} phases have other signs; above the second "
    "border the gain can be {gain}",
    details=(
        "For p < n_2 < 3p and a shift above the second border, sharing can hurt with "
        "few source rows, pay with more, and hurt again.",
        "The gain there is {gain} at n_2 = 1.6p, n_1 = p and mu^2 = {above:.3g}.",
        "Measured break-even shifts are within {off:.1%} of the limiting ones.",
        f"Targets have {listed(TARGETS)} times p = {P} rows.",
    ),
    caveats=("The borders are those of a limit; near one, finite samples differ.",),
    study=drawn,
    judged=partial(judged, PRINTED),
)
THREE = replace(
    TWO,
    id="M-PTc",
    title="Equal covariances: for n_2 < 3p the shift has a third border",
    source=f"M-PTc {SOURCE}",
    statement=f"{STATED}never if n_2 >= 3p; else it hurts, pays and hurts up to a "
    "third.",
    headline="{others.rest} of {others.n} phases of shift have the stated signs",
    details=(
        "The third border is R/(2[1 - (1+c)^2/(8c)]), with c = p/n_2 and R the risk of "
        "the target alone.",
        *TWO.details,
    ),
    repairs=("M-PT",),
    judged=partial(judged, MENDED),
)
CLAIMS = (TWO, THREE)
