"""M-CR: every source size where sharing starts or stops to pay, under both shifts.

The limiting gain is positive where a curve in `n_1`, which does not depend on `σ²` and
`μ²`, is below the level `σ²p/(2μ²(n_2 − p))`. The curve tends to 1 and need not be
monotone, so the gain may change its sign any number of times.
"""

import numpy as np

from paper_checks.judge import (
    CheckError,
    Control,
    Evidence,
    StudyClaim,
    extreme,
    failure_rate,
    share_broken,
)
from paper_checks.studies import signs_of_gains as signs


def drawn(settings):  # of each pair: crossings, signs, and what three lists imply
    found, count = [], settings.scaled(64, 512)
    for seed, pair in enumerate(signs.PAIRS, start=settings.seed):
        places = pair.crossings(pair.spectrum)
        sizes = signs.between(places)
        size = pair.spectrum, sizes.tolist(), pair.target
        some = signs.draws_over_sizes(seed, count, *size).signs(pair.shift)
        lists = places, pair.crossings(None), places[:1]
        told = np.array([pair.implied(sizes, one) for one in lists])
        found.append((len(places), some, told))
    return found


def judged(data):
    numbers, some, told = map(list, zip(*data, strict=True))
    wrong = [(s != 0) & (s != t) for s, t in zip(some, told, strict=True)]
    settled = np.hstack(some) != 0
    unsettled, points = int(np.sum(~settled)), settled.size
    if 2 * unsettled > points:
        raise CheckError(f"{unsettled} of {points} signs are not settled: draw more")
    marks = np.hstack(wrong)[0, settled]
    broken = share_broken("settled signs that are not as implied", marks)
    left_out = failure_rate("sizes whose sign is not settled", unsettled, points)
    most = extreme("crossings of one pair of tasks", numbers)
    _, equal, first = np.transpose([np.any(one, axis=1) for one in wrong])
    return Evidence(
        holds=broken.count == 0,
        deciding=broken,
        named={"broken": broken, "left_out": left_out, "numbers": str(numbers)[1:-1]},
        measurements=(broken, left_out, most),
        controls=(
            Control.among(
                "the source's own covariance (crossings of equal covariances)", equal
            ),
            Control.among("crossings but the first", first),
        ),
    )


CLAIM = StudyClaim(
    id="M-CR",
    title="Under both shifts the gain changes sign at every crossing of risks",
    source='M-CR (docs/mathematics.md, "Crossings"; derived here)',
    statement="With shifts of parameters and of covariances the sign of the gain "
    "changes in n_1 at the crossings of the limiting risks, any number of times, and "
    "nowhere else.",
    headline="{broken.rest} of {broken.n} signs of the gain are as the crossings imply",
    details=(
        "The spectra have {numbers} crossings, and source sizes lie on both sides of "
        "each: one threshold is not enough.",
    ),
    caveats=(
        "{left_out.count} of {left_out.n} source sizes are not judged, as their gain "
        f"is within {signs.SETTLED:g} standard errors of zero.",
    ),
    study=drawn,
    judged=judged,
)
