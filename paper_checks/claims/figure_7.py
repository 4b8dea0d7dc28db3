"""W-F7: alignment on all pairs of six sentence sets; W-F7s has their similarity.

Holds if, without near-duplicates, at least 13 of 15 pairs truly gain: accuracy with
alignment less without, by the interval of their number (`number_of_gains`).
"""

from functools import partial

from paper_checks.studies.sentence_claim import SentenceClaim
from paper_checks.studies.sentence_gains import PAIRS, complete, evidence

CLAIM = SentenceClaim(
    id="W-F7",
    title="Alignment improves 13 of 15 pairs of sentence sets",
    source="W-F7 (Figure 7)",
    statement="Alignment raises the mean accuracy of 13 of 15 pairs, by up to 4.1 %.",
    study="sentence_pairs",
    judged=partial(evidence, tasks=PAIRS),
    complete=partial(complete, tasks=PAIRS),
    closing=lambda _: (PAIRS.paper,),
)
