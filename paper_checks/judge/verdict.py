"""The verdict on a claim, and the controls without which it is worth nothing."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from paper_checks.judge.measurement import CheckError


class Verdict(StrEnum):
    """How a claim fares against what was measured.

    `vacuous`: true, and says nothing. `undecided`: the data is at hand, and its
    interval holds both the claim and its contrary. `needs data`: the data is not.
    """

    HOLDS = "holds"
    FAILS = "fails"
    VACUOUS = "vacuous"
    UNDECIDED = "undecided"
    NEEDS_DATA = "needs data"


@dataclass(frozen=True, kw_only=True)
class Control:
    """A hypothesis that was dropped, and how often the check noticed.

    A check that notices nothing cannot fail, and its verdict would be worth nothing.
    """

    dropped: str
    noticed: int
    instances: int

    @property
    def convincing(self) -> bool:
        """Whether at least half of the instances were noticed."""
        return self.instances > 0 and 2 * self.noticed >= self.instances

    @classmethod
    def once(cls, dropped: str, noticed: object) -> "Control":
        """A control of one instance."""
        return cls(dropped=dropped, noticed=int(bool(noticed)), instances=1)

    @classmethod
    def among(cls, dropped: str, noticed: ArrayLike) -> "Control":
        """A control of several instances, from whether each was noticed."""
        marks = np.ravel(noticed)
        return cls(dropped=dropped, noticed=int(np.sum(marks)), instances=marks.size)


def judge(holds: bool | None, controls: tuple[Control, ...]) -> Verdict:
    """`holds` or `fails`, provided that the check can tell the two apart.

    Args:
        holds: What the evidence says; `None` if it holds the claim and its contrary.
        controls: What the check must notice.

    Raises:
        CheckError: A verdict has no control, or one was not noticed: the check has no
            power that is known, which is an error in the check and not a verdict.
    """
    if holds is not None and not controls:
        raise CheckError(
            "the check has no control: nothing shows that it can fail; drop a "
            "hypothesis that it must notice"
        )
    for control in controls:
        if not control.convincing:
            raise CheckError(
                f"the check has no power: with '{control.dropped}' it noticed "
                f"{control.noticed} of {control.instances}"
            )
    if holds is None:
        return Verdict.UNDECIDED
    return Verdict.HOLDS if holds else Verdict.FAILS
