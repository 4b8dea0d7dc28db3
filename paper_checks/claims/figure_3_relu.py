"""W-F3r: Fig 3 with a ReLU module, trained.

Judged as W-F3. Control: isotropic sources with `cos(θ_1, θ_2) = 0` must be seen to hurt
a target with many rows and little noise, or harm would not be noticed.
"""

from collections.abc import Mapping

import xarray as xr

from paper_checks.judge import (
    Control,
    Evidence,
    StudyClaim,
    decides,
    plain,
)
from paper_checks.studies.simulated import FOR_CLAIMS
from paper_checks.studies.source_sizes import (
    HARM,
    KINDS,
    NO_HARM,
    curves,
    picture,
)

SOURCES = ("transfer_relu", "transfer_relu-unrelated")


def judged(data: Mapping[str, xr.Dataset]) -> Evidence:
    related, unrelated = (data[name] for name in SOURCES)
    seen, far = picture(related), curves(unrelated)
    room = seen.harmless
    converged = plain(
        "share of joint trainings of which some start converged, not always the best "
        "one",
        float(related.converged.mean()),
        "none: a count",
        int(related.converged.size * seen.repeats),
    )
    return Evidence(
        holds=seen.holds,
        deciding=decides(max(room, key=lambda g: g.low), NO_HARM) if room else None,
        named={
            **seen.words,
            "least": seen.samples[0],
            "most": seen.samples[-1],
            "room": " and ".join(f"{gain.low:.2g}" for gain in room) or "nothing",
        },
        measurements=(
            *(seen.lowest(kind) for kind in KINDS),
            *(seen.helps_from(kind) for kind in KINDS),
            *(far.lowest(kind, ", cosine 0") for kind in KINDS),
            converged,
        ),
        controls=(
            Control(
                dropped="a source's parameter near the target's (cosine 0, isotropic)",
                noticed=sum(bool(far.hurts(kind).any()) for kind in KINDS),
                instances=len(KINDS),
            ),
        ),
        caveats=seen.more_draws,
    )


CLAIM = StudyClaim(
    id="W-F3r",
    title="With ReLU, sources of the same covariance help early, others late",
    source="W-F3 (Figure 3) with ReLU",
    statement="With ReLU as well, a source of the same covariance helps from few "
    "samples on; sources with another covariance hurt until they have many samples.",
    headline="With ReLU the same covariance helps from {same_from} source samples on, "
    "others from {diagonal_from} and {rotation_from}",
    details=(
        "Sources have from {least} to {most} samples.",
        *HARM,
        "Where the same covariance does not hurt, relative gains from the others are "
        f"above {{room}}; above {NO_HARM:g} counts as no harm.",
    ),
    study=lambda settings: {name: FOR_CLAIMS[name](settings) for name in SOURCES},
    judged=judged,
)
