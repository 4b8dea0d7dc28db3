"""W-F3: sources of the target's covariance help early, others only when large.

`studies/source_sizes.py` says when the picture is as drawn, and when its opposite is
seen. As the paper writes `X = R Q D`, `RQ` has the law of `R`: "other rotation" is
"same covariance" again, and must be shown to be worth the same there.
"""

from collections.abc import Mapping

import xarray as xr

from paper_checks.judge import Control, Evidence, StudyClaim, decides, plain
from paper_checks.studies.simulated import FOR_CLAIMS
from paper_checks.studies.source_sizes import (
    HARM,
    KINDS,
    NO_HARM,
    OTHERS,
    SAME,
    curves,
    picture,
)

REGIMES = ("transfer", "transfer-as-written", "transfer-ample")


def judged(data: Mapping[str, xr.Dataset]) -> Evidence:
    rotated, written, ample = (data[name] for name in REGIMES)
    seen, large = picture(rotated), curves(ample)
    starts = {kind: seen.helps_from(kind, " (m_target = d/2)") for kind in KINDS}
    count = int(rotated.certified.size * seen.repeats)
    certified = float(rotated.certified.mean())
    return Evidence(
        holds=seen.holds,
        deciding=decides(starts[SAME], min(starts[other].value for other in OTHERS)),
        named={
            **seen.words,
            "kinds": len(KINDS),
            "harmless": sum(not large.hurts(kind).any() for kind in KINDS),
        },
        measurements=(
            *starts.values(),
            *(large.helps_from(kind, " (m_target = 2d)") for kind in KINDS),
            plain("share of certified optima", certified, "none: a count", count),
        ),
        controls=(
            Control.once(
                "a rotation that changes the covariance (X = R Q D as written: its "
                f"gains must be shown to be equal to within {-NO_HARM:g})",
                picture(written).alike(OTHERS[1]),
            ),
        ),
        caveats=seen.more_draws,
    )


CLAIM = StudyClaim(
    id="W-F3",
    title="Sources of the same covariance help early, others only when large",
    source="W-F3 (Figure 3)",
    statement="A source of the same covariance helps from few samples on; sources with "
    "another covariance hurt until they have many samples.",
    headline="The same covariance helps from {same_from} source samples on, others "
    "from {diagonal_from} and {rotation_from}",
    details=(
        "This is for a target with half as many samples as inputs, m_target = d/2.",
        *HARM,
        "With m_target = 2d, {harmless} of {kinds} kinds of source never hurt.",
    ),
    study=lambda settings: {name: FOR_CLAIMS[name](settings) for name in REGIMES},
    judged=judged,
)
