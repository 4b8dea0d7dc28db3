"""W-F3: sources of the target's covariance help early, others only when large."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.settings import Settings
from paper_checks.sweeps import transfer
from paper_checks.verdict import (
    Control,
    Finding,
    Measurement,
    judge,
    mean_with_interval,
)

SOURCE = "W-F3 (Figure 3)"
SAME, OTHER = "same covariance", ("other diagonal", "other rotation")
KINDS = (SAME, *OTHER)


class Curve(NamedTuple):
    """Mean relative gain against `m_source`, with the ends of its intervals."""

    samples: Float[np.ndarray, " m"]
    low: Float[np.ndarray, " m"]
    high: Float[np.ndarray, " m"]

    @property
    def helps_from(self) -> float:
        """Least `m_source` from which on every interval is above zero."""
        below = np.flatnonzero(~(self.low > 0))  # a NaN is no gain
        if len(below) and below[-1] == len(self.low) - 1:
            return float("inf")
        return float(self.samples[below[-1] + 1 if len(below) else 0])

    @property
    def hurts(self) -> bool:
        """Whether some interval is below zero."""
        return bool(np.any(self.high < 0))


def curve(data: xr.Dataset, source: str) -> Curve:
    """Intervals of the mean relative gain, `(alone − joint)/(alone + joint)` of risks.

    One interval off zero can decide the verdict, so all of them, over source sizes
    and kinds, hold together with 95 % (Bonferroni).

    The relative gain is bounded. The gain itself is not: near `m_source + m_target =
    d` the joint risk has no finite mean to speak of, so its average says nothing.
    """
    count = len(KINDS) * data.sizes["samples_source"]
    rows = [
        mean_with_interval(
            f"gain from '{source}', m_source = {m}",
            data.relative_gain.sel(source=source, samples_source=m),
            confidence=1 - 0.05 / count,
        )
        for m in data.samples_source.values
    ]
    return Curve(
        samples=data.samples_source.values.astype(float),
        low=np.array([row.low for row in rows]),
        high=np.array([row.high for row in rows]),
    )


def claimed(data: xr.Dataset) -> bool:
    """Whether the picture is as the paper draws it.

    Each of the others hurts at some source size and helps from a larger one on; the
    same covariance helps from a smaller one on than they do.
    """
    same = curve(data, SAME)
    others = [curve(data, source) for source in OTHER]
    return all(
        other.hurts and same.helps_from < other.helps_from < np.inf for other in others
    )


def find(settings: Settings) -> Finding:
    """Judge Fig 3 in both readings of Q, and where the target is not short of data."""
    rotated = transfer(settings, "rotated")
    written = transfer(settings, "as written")
    ample = transfer(settings, "ample")
    certified = float(rotated.certified.mean())
    # As written, RQ has the law of R: "other rotation" is "same covariance" again.
    controls = (
        Control(
            dropped="a rotation that changes the covariance (X = R Q D as written)",
            noticed=int(not claimed(written)),
            instances=1,
        ),
    )
    repeats = rotated.sizes["repeat"]
    early = curve(rotated, SAME)
    return Finding(
        claim="W-F3",
        statement="A source of the same covariance helps from few samples on; sources "
        "with another covariance hurt until they have many samples.",
        source=SOURCE,
        verdict=judge(claimed(rotated), controls),
        reason=_reason(rotated, ample, early),
        measurements=(
            *(_threshold(rotated, source, repeats) for source in KINDS),
            *(_threshold(ample, s, repeats, "m_target = 2d") for s in KINDS),
            Measurement(
                quantity="share of certified optima",
                value=certified,
                low=float("nan"),
                high=float("nan"),
                interval="none: a count",
                n=int(rotated.certified.size * repeats),
            ),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _reason(rotated: xr.Dataset, ample: xr.Dataset, early: Curve) -> str:
    always = [s for s in KINDS if not curve(ample, s).hurts]
    first = " (it hurts below that)" if early.hurts else ""
    return (
        f"with m_target = d/2 the same covariance helps from m_source = "
        f"{early.helps_from:g} on{first}, the others from "
        + " and ".join(f"{curve(rotated, s).helps_from:g}" for s in OTHER)
        + f"; with m_target = 2d {len(always)} of 3 kinds of source are never seen "
        "to hurt"
    )


def _threshold(
    data: xr.Dataset, source: str, repeats: int, note: str = "m_target = d/2"
) -> Measurement:
    """The grid point from which a source helps; its interval is the grid's cell."""
    found = curve(data, source)
    value = found.helps_from
    before = found.samples[found.samples < value]
    return Measurement(
        quantity=f"m_source from which '{source}' helps ({note})",
        value=value,
        low=float(before[-1]) if len(before) else 0.0,
        high=value,
        interval="cell of the grid; gains judged by 95 % Student, all together",
        n=repeats,
    )
