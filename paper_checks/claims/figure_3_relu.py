"""W-F3r: Fig 3 with a ReLU module, trained."""

import numpy as np
import xarray as xr

from paper_checks.claims.figure_3 import (
    KINDS,
    NO_HARM,
    Picture,
    curve,
    harm,
    judge_picture,
    picture,
    undecided,
)
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control
from paper_checks.settings import Settings
from paper_checks.studies.simulated import transfer_relu_sweep

SOURCE = "W-F3 (Figure 3) with ReLU"


def find(settings: Settings) -> Finding:
    """Judge Fig 3's claim, by `figure_3.judge_picture`, on trained ReLU modules.

    Control: isotropic sources with `cos(θ_1, θ_2) = 0` must be seen to hurt a target
    with many rows and little noise, or a source that hurts would not be noticed.

    Raises:
        CheckError: The control is not noticed.
    """
    related = transfer_relu_sweep(settings, "related")
    unrelated = transfer_relu_sweep(settings, "unrelated")
    controls = (
        Control(
            dropped="a source's parameter near the target's (cosine 0, isotropic)",
            noticed=sum(curve(unrelated, kind).hurts for kind in KINDS),
            instances=len(KINDS),
        ),
    )
    seen = picture(related)
    return Finding(
        claim="W-F3r",
        statement="With ReLU as well, a source of the same covariance helps from few "
        "samples on; sources with another covariance hurt until they have many "
        "samples.",
        source=SOURCE,
        verdict=judge_picture(seen, controls),
        reason=_reason(seen) + undecided(seen, related.sizes["repeat"]),
        measurements=(
            *(_lowest(related, kind) for kind in KINDS),
            *(_threshold(related, kind) for kind in KINDS),
            *(_lowest(unrelated, kind, ", cosine 0") for kind in KINDS),
            _converged(related),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _reason(seen: Picture) -> str:
    same = seen.same
    quiet = ~(same.high < 0)
    room = [float(np.min(other.low[quiet])) for other in seen.others if quiet.any()]
    hurts = ", ".join(f"{m:g}" for m in same.samples[~quiet]) or "no size"
    return (
        f"with m_source from {same.samples[0]:g} to {same.samples[-1]:g} {harm(seen)}; "
        f"the same covariance is seen to hurt at {hurts} and to help from "
        f"{_start(same.helps_from)}, the others from "
        + " and ".join(_start(other.helps_from) for other in seen.others)
        + "; where it is not seen to hurt, the others' gains are seen to be above "
        + (" and ".join(f"{least:.2g}" for least in room) or "nothing")
        + f" (above {NO_HARM:g} is no harm to speak of)"
    )


def _start(samples: float) -> str:
    return f"{samples:g} on" if np.isfinite(samples) else "none of these sizes on"


def _lowest(data: xr.Dataset, kind: str, note: str = "") -> Measurement:
    """The least mean relative gain of a kind of source over its sizes."""
    gain = data.relative_gain.sel(source=kind)
    at = int(np.argmin(gain.mean("repeat").values))
    # As in `curve`: all sizes and kinds hold together with 95 %.
    count = len(KINDS) * data.sizes["samples_source"]
    size = int(data.samples_source[at])
    return mean_with_interval(
        f"least relative gain from '{kind}', at m_source = {size}{note}",
        gain[at],
        confidence=1 - 0.05 / count,
    )


def _threshold(data: xr.Dataset, kind: str) -> Measurement:
    """The grid point from which a source helps; its interval is the grid's cell."""
    found = curve(data, kind)
    before = found.samples[found.samples < found.helps_from]
    return Measurement(
        quantity=f"m_source from which '{kind}' helps",
        value=found.helps_from,
        low=float(before[-1]) if len(before) else 0.0,
        high=found.helps_from,
        interval="cell of the grid; gains judged by 95 % Student, all together",
        n=data.sizes["repeat"],
    )


def _converged(data: xr.Dataset) -> Measurement:
    return Measurement(
        quantity="share of joint trainings of which some start converged, "
        "not always the best one",
        value=float(data.converged.mean()),
        low=float("nan"),
        high=float("nan"),
        interval="none: a count",
        n=int(data.converged.size * data.sizes["repeat"]),
    )
