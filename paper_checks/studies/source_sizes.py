"""Figure 3's picture: what sources of each covariance are worth, by their size."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int

from paper_checks.judge import Family, Measurement, listed, means

SAME, OTHERS = "same covariance", ("other diagonal", "other rotation")
KINDS = (SAME, *OTHERS)
# A relative gain that counts as no harm, where the claim is to be shown wrong: half of
# what the others lose in the linear sweep where the same covariance no longer hurts.
NO_HARM = -0.1
# Multiples of the draws at hand, when asked how many would do.
MORE = np.geomspace(1, 1000, 200)
# Sentences over `Picture.words`.
HARM = (
    "The same covariance itself is seen to hurt at {same_hurts}.",
    *(
        f"Another {other} is seen to hurt at {{{other}_hurts}}; where it does, the "
        f"same covariance is better and does not hurt at {{{other}_clear}}."
        for other in ("diagonal", "rotation")
    ),
)


class Picture(NamedTuple):
    """Gains from each kind of source, and what the same covariance gains over others.

    Gains are `(alone − joint)/(alone + joint)` of risks, means over paired draws. The
    gain itself has no bound, and near `m_source + m_target = d` no mean to speak of.
    One interval off zero can decide the verdict, so those of all sizes and kinds hold
    together with 95 %, and those of the differences likewise.
    """

    samples: Int[np.ndarray, " m"]
    gain: Mapping[str, Family]
    ahead: Mapping[str, Family]
    repeats: int

    def hurts(self, kind: str) -> Bool[np.ndarray, " m"]:
        """Sizes at which this kind of source is seen to hurt."""
        return self.gain[kind].highs < 0

    def clear(self, other: str) -> Bool[np.ndarray, " m"]:
        """Sizes at which it hurts, the same covariance is better and does not hurt."""
        better = self.ahead[other].lows > 0
        return self.hurts(other) & better & ~self.hurts(SAME)

    def alike(self, other: str) -> bool:
        """Whether it is shown to be worth what the same covariance is, at all sizes.

        Not only not seen to differ: intervals lie within what counts as no harm.
        """
        ahead = self.ahead[other]
        return bool(np.all((ahead.lows > NO_HARM) & (ahead.highs < -NO_HARM)))

    def helps_from(self, kind: str, note: str = "") -> Measurement:
        """Least size from which on every interval is above zero, a cell of the grid."""
        below = np.flatnonzero(~(self.gain[kind].lows > 0))
        place = below[-1] + 1 if len(below) else 0
        ends = np.array([0.0, *self.samples, np.inf])[place : place + 2]
        return Measurement(
            quantity=f"m_source from which '{kind}' helps{note}",
            value=float(ends[1]),
            low=float(ends[0]),
            high=float(ends[1]),
            interval="cell of the grid; gains judged by 95 % Student, all together",
            n=self.repeats,
        )

    def lowest(self, kind: str, note: str = "") -> Measurement:
        """The least mean gain from a kind of source over its sizes."""
        found = zip(self.gain[kind], self.samples, strict=True)
        least, size = min(found, key=lambda at: at[0].value)
        quantity = f"least relative gain from '{kind}', at m_source = {size}{note}"
        return replace(least, quantity=quantity)

    @property
    def harmless(self) -> list[Measurement]:
        """The lowest gain from each other where the same covariance does not hurt."""
        quiet = np.flatnonzero(~self.hurts(SAME))
        some = [[self.gain[other][at] for at in quiet] for other in OTHERS]
        return [min(one, key=lambda gain: gain.low) for one in some if one]

    @property
    def drawn(self) -> bool:
        """Whether the picture is as the paper draws it, for each kind of other.

        At some size the other covariance hurts while the same one does better and does
        not hurt. The same helps from a smaller size on than the other, which helps from
        some size on.
        """
        start = self.helps_from(SAME).value
        return all(
            self.clear(other).any() and start < self.helps_from(other).value < np.inf
            for other in OTHERS
        )

    @property
    def refuted(self) -> bool:
        """Whether the opposite is seen, at the sizes of the sweep.

        For some kind of other, every size shows no harm to speak of or harm by the same
        covariance as well; or it, or the same covariance, hurts at the largest size.
        """
        return bool(self.hurts(SAME)[-1]) or any(
            bool(np.all((self.gain[other].lows > NO_HARM) | self.hurts(SAME)))
            or bool(self.hurts(other)[-1])
            for other in OTHERS
        )

    @property
    def holds(self) -> bool | None:
        """What is only not seen is no evidence against the claim."""
        return True if self.drawn else False if self.refuted else None

    def narrowed(self, factor: float) -> "Picture":
        """With intervals of that part of their length, about the same means."""
        return self._replace(
            gain={kind: one.narrowed(factor) for kind, one in self.gain.items()},
            ahead={kind: one.narrowed(factor) for kind, one in self.ahead.items()},
        )

    @property
    def more_draws(self) -> tuple[str, ...]:
        """How many draws would decide, if the means were the true ones."""
        if self.holds is not None:
            return ()
        text = f"It is undecided by {self.repeats} draws"
        close = (f for f in MORE if self.narrowed(f**-0.5).holds is not None)
        factor = next(close, None)
        if factor is None:
            return (f"{text}, and more would not do: it takes other sizes.",)
        # Two digits, rounded up: the means are not known better than that.
        step = 10 ** max(int(np.log10(factor * self.repeats)) - 1, 0)
        count = int(np.ceil(factor * self.repeats / step) * step)
        return (f"{text}: about {count} are needed.",)

    @property
    def words(self) -> dict[str, Any]:
        """What sentences name, by the last word of a kind: `diagonal_hurts`."""
        named: dict[str, Any] = {}
        for kind, short in zip(KINDS, ("same", "diagonal", "rotation"), strict=True):
            start = self.helps_from(kind).value
            never = "no number of" if kind == SAME else "none"
            named[f"{short}_from"] = f"{start:g}" if start < np.inf else never
            named[f"{short}_hurts"] = self._sizes(self.hurts(kind))
            if kind != SAME:
                named[f"{short}_clear"] = self._sizes(self.clear(kind))
        return named

    def _sizes(self, where: Bool[np.ndarray, " m"]) -> str:
        sizes = listed(self.samples[where], "")
        return f"{sizes} source samples" if sizes else "no size"


def curves(data: xr.Dataset) -> Picture:
    """The gains alone, for sources that need not differ."""
    gain = data.relative_gain
    return Picture(
        samples=data.samples_source.to_numpy(),
        gain={
            kind: means(
                f"gain from '{kind}', m_source = {{samples_source}}",
                gain.sel(source=kind),
                comparisons=len(KINDS) * gain.sizes["samples_source"],
            )
            for kind in KINDS
        },
        ahead={},
        repeats=data.sizes["repeat"],
    )


def picture(data: xr.Dataset) -> Picture:
    """All that the verdict is taken from."""
    gain = data.relative_gain
    same = gain.sel(source=SAME)
    ahead = {
        other: means(
            f"{SAME} over {other}, m_source = {{samples_source}}",
            same - gain.sel(source=other),
            comparisons=len(OTHERS) * gain.sizes["samples_source"],
        )
        for other in OTHERS
    }
    return curves(data)._replace(ahead=ahead)
