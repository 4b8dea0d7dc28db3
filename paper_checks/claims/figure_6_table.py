"""W-F6t: whether the means and the total printed under Figure 6 are of its columns."""

import numpy as np

from paper_checks.judge import Control, Evidence, StudyClaim, decides, extreme
from paper_checks.sentences.printed import (
    FIGURE_6,
    MEAN_ALONE,
    MEAN_TOGETHER,
    SUMMED_CAPACITY,
)
from paper_checks.studies.sentence_leak import printed_gains

# Half of the last digit printed, with one more rounding, of the difference.
ROUNDING = 0.05 * (1 + 1e-9)


def added_up(table: dict[str, tuple[int, float, float]]) -> Evidence:
    """Whether the printed means and the total are those of the printed columns."""
    capacity, alone, together = np.array(list(table.values())).T
    leaking, others = printed_gains()
    off = {
        "mean alone less that of its column": MEAN_ALONE - alone.mean(),
        "mean together less that of its column": MEAN_TOGETHER - together.mean(),
        "total capacity less the sum of its column": SUMMED_CAPACITY - capacity.sum(),
    }
    gains = {
        "gain of SST and MR, mean (points)": leaking,
        "gain of the other four sets, mean (points)": others,
    }
    found = [extreme(f"printed {name}", [one]) for name, one in (off | gains).items()]
    # A digit misprinted by one in the last place but one must be noticed.
    shifted = abs(MEAN_ALONE - (alone.sum() + 1) / len(alone)) > ROUNDING
    dropped = "the printed single-task column (one entry one point higher)"
    return Evidence(
        holds=all(abs(value) <= ROUNDING for value in off.values()),
        deciding=decides(found[1], -ROUNDING),
        named={
            "column": together.mean(),
            "alone": found[0],
            "total": found[2],
            "leaking": found[3],
            "others": found[4],
        },
        measurements=tuple(found),
        controls=(Control.once(dropped, shifted),),
        data="the printed table",
    )


CLAIM = StudyClaim(
    id="W-F6t",
    title="The means printed under Figure 6 are those of its columns",
    source="W-F6 (Figure 6)",
    statement="The means 82.6 and 85.1 and the total capacity 1205 are those of "
    "the columns printed above them.",
    headline=f"The printed mean is {MEAN_TOGETHER}, and that of its column "
    "{column:.1f}",
    details=(
        "The printed single-task mean differs from its column's by {alone:.2f}, and "
        "the total capacity by {total:g}.",
        "SST and MR, which share most of their sentences, gain {leaking:+.1f} "
        "points on average, and the other four sets {others:+.1f}.",
    ),
    study=lambda _: FIGURE_6,
    judged=added_up,
)
