"""W-F3: sources of the target's covariance help early, others only when large."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings
from paper_checks.studies.simulated import transfer

SOURCE = "W-F3 (Figure 3)"
SAME, OTHER = "same covariance", ("other diagonal", "other rotation")
KINDS = (SAME, *OTHER)
# A relative gain that counts as no harm, where the claim is to be shown wrong: half of
# what the others lose in the linear sweep where the same covariance no longer hurts.
NO_HARM = -0.1
# Multiples of the draws at hand, when asked how many would do.
MORE = np.geomspace(1, 1000, 200)


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

    def narrowed(self, factor: float) -> "Curve":
        """With intervals of that part of their length, about the same means."""
        mean, half = (self.high + self.low) / 2, factor * (self.high - self.low) / 2
        return Curve(self.samples, mean - half, mean + half)


class Picture(NamedTuple):
    """The gains of the same covariance and of the others, and `same − other`, paired.

    The last two have one curve for each kind of `OTHER`.
    """

    same: Curve
    others: tuple[Curve, ...]
    ahead: tuple[Curve, ...]

    def narrowed(self, factor: float) -> "Picture":
        """With intervals of that part of their length, about the same means."""
        return Picture(
            self.same.narrowed(factor),
            tuple(one.narrowed(factor) for one in self.others),
            tuple(one.narrowed(factor) for one in self.ahead),
        )


def curve(data: xr.Dataset, source: str) -> Curve:
    """Intervals of the mean relative gain, `(alone − joint)/(alone + joint)` of risks.

    One interval off zero can decide the verdict, so all of them, over source sizes
    and kinds, hold together with 95 % (Bonferroni).

    The relative gain is bounded. The gain itself is not: near `m_source + m_target =
    d` the joint risk has no finite mean to speak of, so its average says nothing.
    """
    gain = data.relative_gain.sel(source=source)
    return _curve(f"gain from '{source}'", gain, len(KINDS))


def picture(data: xr.Dataset) -> Picture:
    """All that the verdict is taken from.

    The differences are over sizes and kinds of others, together with 95 %. A size
    counts as harm if it is seen there both that the other hurts and that the same
    covariance does better, so each of the two families is held for itself.
    """
    gain = data.relative_gain
    same = gain.sel(source=SAME)
    return Picture(
        curve(data, SAME),
        tuple(curve(data, other) for other in OTHER),
        tuple(
            _curve(f"{SAME} over {other}", same - gain.sel(source=other), len(OTHER))
            for other in OTHER
        ),
    )


def drawn(seen: Picture) -> bool:
    """Whether the picture is as the paper draws it.

    There is a size at which the other covariance hurts and the same one does better,
    and is not seen to hurt as well; that for each kind of other. And the same helps
    from a smaller size on than they do, and they do from some size on.
    """
    return all(
        bool(np.any((other.high < 0) & (ahead.low > 0) & ~(seen.same.high < 0)))
        and seen.same.helps_from < other.helps_from < np.inf
        for other, ahead in zip(seen.others, seen.ahead, strict=True)
    )


def refuted(seen: Picture) -> bool:
    """Whether the opposite is seen, at the sizes of the sweep.

    Of some kind of other, it is seen at every size that it does no harm to speak of
    (`NO_HARM`) or that the same covariance hurts as well; or it, or the same
    covariance, is seen to hurt at the largest size. What is only not seen is no
    evidence against the claim.
    """
    hurts = seen.same.high < 0
    return bool(hurts[-1]) or any(
        bool(np.all((other.low > NO_HARM) | hurts)) or bool(other.high[-1] < 0)
        for other in seen.others
    )


def judge_picture(seen: Picture, controls: tuple[Control, ...]) -> Verdict:
    """It holds, fails, or is undecided by these draws and needs more of them.

    Raises:
        CheckError: A control is not noticed.
    """
    if judge(drawn(seen), controls) is Verdict.HOLDS:
        return Verdict.HOLDS
    return Verdict.FAILS if refuted(seen) else Verdict.NEEDS_DATA


def undecided(seen: Picture, repeats: int) -> str:
    """How many draws would decide, if the means were the true ones; else nothing."""
    for factor in MORE:
        closer = seen.narrowed(factor**-0.5)
        if drawn(closer) or refuted(closer):
            break
    else:
        return f"; undecided by {repeats} draws, and more would not do: other sizes"
    if factor == 1:
        return ""
    # Two digits, rounded up: the means are not known better than that.
    step = 10 ** max(int(np.log10(factor * repeats)) - 1, 0)
    total = int(np.ceil(factor * repeats / step) * step)
    return f"; undecided by {repeats} draws: about {total} are needed"


def _curve(quantity: str, gain: xr.DataArray, kinds: int) -> Curve:
    count = kinds * gain.sizes["samples_source"]
    rows = [
        mean_with_interval(
            f"{quantity}, m_source = {m}",
            gain.sel(samples_source=m),
            confidence=1 - 0.05 / count,
        )
        for m in gain.samples_source.values
    ]
    return Curve(
        samples=gain.samples_source.values.astype(float),
        low=np.array([row.low for row in rows]),
        high=np.array([row.high for row in rows]),
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
            noticed=int(not drawn(picture(written))),
            instances=1,
        ),
    )
    repeats = rotated.sizes["repeat"]
    seen = picture(rotated)
    return Finding(
        claim="W-F3",
        statement="A source of the same covariance helps from few samples on; sources "
        "with another covariance hurt until they have many samples.",
        source=SOURCE,
        verdict=judge_picture(seen, controls),
        reason=_reason(seen, ample) + undecided(seen, repeats),
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


def _reason(seen: Picture, ample: xr.Dataset) -> str:
    always = [s for s in KINDS if not curve(ample, s).hurts]
    first = " (it hurts below that)" if seen.same.hurts else ""
    return (
        f"with m_target = d/2 the same covariance helps from m_source = "
        f"{seen.same.helps_from:g} on{first}, the others from "
        + " and ".join(f"{other.helps_from:g}" for other in seen.others)
        + f"; {harm(seen)}; with m_target = 2d {len(always)} of 3 kinds of source are "
        "never seen to hurt"
    )


def harm(seen: Picture) -> str:
    """Where the others hurt, and where the same covariance does better there."""
    parts = []
    for name, other, ahead in zip(OTHER, seen.others, seen.ahead, strict=True):
        hurts = other.high < 0
        better = hurts & (ahead.low > 0) & ~(seen.same.high < 0)
        parts.append(
            f"'{name}' is seen to hurt at {_sizes(other.samples[hurts])}, and the "
            "same covariance to do better there and not to hurt at "
            + _sizes(other.samples[better])
        )
    return "; ".join(parts)


def _sizes(samples: Float[np.ndarray, " m"]) -> str:
    return ", ".join(f"{m:g}" for m in samples) or "no size"


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
