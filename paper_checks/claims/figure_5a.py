"""W-F5a: what alignment is worth to BERT on GLUE, from results of runs on record.

The gain is the mean score of the tasks with alignment less without, seed by seed. The
claim holds if the gain of all five tasks is above 0 by Student's interval over seeds,
and fails if it is not and W's gain is above the interval. An interval that has room for
either needs more seeds.
"""

from itertools import combinations

import numpy as np
from jaxtyping import Float

from paper_checks.judge import (
    Control,
    Evidence,
    Family,
    Measurement,
    StudyClaim,
    decides,
    mean_with_interval,
    plain,
)
from paper_checks.studies.bert_alignment import PRINTED_GAIN, Alignment, results

TASKS = ("cola", "mrpc", "qnli", "rte", "sst2")
# Of ten pairs those that gain in the paper.
PRINTED_PAIRS = 7
FLIPS = 200
OPEN = f"No gain and one of {PRINTED_GAIN} are both possible, so more seeds are needed."
PART = "Not all groups of the study have been run."


def judged(found: Alignment) -> Evidence:
    """Judge the gain of all five tasks, and count the pairs that gain."""
    measured = {group: gain(group, values) for group, values in found.gains.items()}
    pairs = Family(measured[g] for g in combinations(TASKS, 2) if g in measured)
    all_five, holds = measured.get(TASKS), None
    if all_five is not None and pairs.n == 10:
        clear = all_five.low > 0 or all_five.high < PRINTED_GAIN
        holds = all_five.low > 0 if clear else None
    five = "Not all five tasks were run"
    if all_five is not None:
        five = f"All five tasks gain {all_five} points in {all_five.n} seeds"
    better = sum(one.value > 0 for one in pairs)
    return Evidence(
        holds=holds,
        deciding=None if all_five is None else decides(all_five, 0.0),
        headline=f"{five}; {better} of {pairs.n} pairs gain on average",
        measurements=(*measured.values(), *found.ranks),
        controls=flipped(found) if holds is not None else (),
        details=(
            f"Of the pairs {pairs.above} gain beyond the interval.",
            f"In the paper BERT-large gains {PRINTED_GAIN} %, and {PRINTED_PAIRS} of "
            "10 pairs gain.",
            *found.told_alone,
        ),
        caveats=(
            *found.read.limits,
            *((OPEN if pairs.n == 10 else PART,) if holds is None else ()),
        ),
        data=f"GLUE; encoder {found.read.encoder}",
    )


def gain(group: tuple[str, ...], values: Float[np.ndarray, " s"]) -> Measurement:
    """Mean gain of a group of tasks over seeds."""
    name = "all five together" if len(group) > 2 else " + ".join(group)
    quantity = f"gain of alignment in points of GLUE, {name}"
    if np.ptp(values) > 0:
        return mean_with_interval(quantity, values)
    # Small dev splits: two seeds may gain the same, or nothing. That has no interval.
    none = "none: all seeds gain the same"
    return plain(quantity, float(values[0]), none, len(values))


def flipped(found: Alignment) -> tuple[Control]:
    """How often no gain is seen once each seed's sign is drawn by a coin."""
    gains, rng = found.gains[TASKS], np.random.default_rng(found.read.seed)
    signs = rng.choice([-1.0, 1.0], (FLIPS, len(gains)))
    seen = [
        np.ptp(values) > 0 and mean_with_interval("", values).low > 0
        for values in signs * gains
    ]
    name = "alignment (each seed's gain takes the sign of a coin)"
    return (Control(dropped=name, noticed=FLIPS - sum(seen), instances=FLIPS),)


CLAIM = StudyClaim(
    id="W-F5a",
    title="Alignment raises BERT's average score on five tasks of GLUE",
    source="W-F5a (W Fig 5a)",
    statement="Aligning task embeddings raises the average GLUE score of CoLA, MRPC, "
    "QNLI, RTE and SST-2 trained together (W: by 2.35 % with BERT-large), and that of "
    "7 of their 10 pairs.",
    study=results,
    judged=judged,
)
