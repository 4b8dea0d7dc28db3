"""The default figure of a claim: intervals, where they would flip, and controls.

Strips of SVG in rows of HTML, so that labels wrap on narrow screens and are text for
screen readers; `figures.findings` draws the same for print.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement
from paper_checks.report.html.pages import markup, number

# More rows than these are not read; the table has all of them.
ROWS, CONTROLS = 14, 10
WIDTH = 100.0  # of a strip, in its own units
MARGIN = 0.06  # of the scale, at each end


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One interval on a scale of its own; places are from 0 to `WIDTH`.

    Attributes:
        measured: What it shows.
        low: Place of the interval's lower end.
        value: Place of the value.
        high: Place of the upper end.
        zero: Place of zero.
        flips: Place at which the verdict would flip, if it is this that decides.
        ends: The numbers at the ends of the scale.
    """

    measured: Measurement
    low: float
    value: float
    high: float
    zero: float
    flips: float | None
    ends: tuple[float, float]

    @property
    def says(self) -> str:
        """The strip in words."""
        one = self.measured
        flips = f", the verdict would flip at {number(one.flips_at)}"
        return (
            f"{number(one.value)}, interval {number(one.low)} to {number(one.high)}"
            + (flips if self.flips is not None else "")
        )


def figure(found: Finding) -> Markup:
    """Return the figure as HTML: what decides first, then the others, then controls.

    Values without an interval are not drawn, as in the table they are all there.
    """
    strips = [strip(one) for one in _drawn(found)]
    controls = sorted(found.controls, key=lambda one: one.noticed / one.instances)
    return markup(
        "figure.html",
        strips=strips[:ROWS],
        more=len(strips[ROWS:]),
        controls=controls[:CONTROLS],
        more_controls=len(controls[CONTROLS:]),
        width=WIDTH,
    )


def strip(one: Measurement) -> Strip:
    """Return a measurement on a scale that holds it, zero and where it flips."""
    flips = None if math.isnan(one.flips_at) else one.flips_at
    shown = [one.low, one.high, one.value, 0.0, *([] if flips is None else [flips])]
    least, most = min(shown), max(shown)
    room = MARGIN * ((most - least) or 1.0)
    start, length = least - room, most - least + 2 * room

    def place(value: float) -> float:
        return round(WIDTH * (value - start) / length, 2)

    return Strip(
        measured=one,
        low=place(one.low),
        value=place(one.value),
        high=place(one.high),
        zero=place(0.0),
        flips=None if flips is None else place(flips),
        ends=(least, most),
    )


def flip_of(one: Measurement, found: Finding) -> float:
    """The value of this measurement at which the verdict would flip; NaN for others."""
    decides = found.deciding is not None and one.quantity == found.deciding.quantity
    return found.deciding.flips_at if decides and found.deciding else math.nan


def _drawn(found: Finding) -> Iterator[Measurement]:
    """What decides, then every other measurement with a finite interval."""
    first: Sequence[Measurement] = () if found.deciding is None else (found.deciding,)
    decides = {one.quantity for one in first}
    others = [one for one in found.measurements if one.quantity not in decides]
    for one in (*first, *others):
        if all(map(math.isfinite, (one.low, one.value, one.high))):
            yield one
