"""A profile of few instances, for tests of whole claims."""

import numpy as np

from paper_checks.judge.measurement import failure_rate
from paper_checks.judge.search import Worst
from paper_checks.judge.stress import Stress
from paper_checks.settings import Settings


class Few(Settings):
    """As many instances as show both a verdict and its control."""

    def scaled(self, quick: int, full: int) -> int:
        del full
        return min(quick, 8)


def spared(*_: object, refuted: bool = False) -> Stress:
    """An attack that finds nothing, or one instance that breaks the statement."""
    none = failure_rate("failures", int(refuted), 8)
    return Stress(
        statement="W-X",
        relation="==",
        searches=(),
        failure=none,
        failure_at_worst=None,
        useful=none,
        needed={},
        refuted=refuted,
        worst=Worst({}, np.zeros(2), 0.5, refuted, None),
        path=None,
    )
