"""W-F5b: from SST to five other sets, with and without alignment of the embeddings.

Holds if, without near-duplicates, at least 4 of 5 targets truly gain: accuracy with
alignment less without, by the interval of their number (`number_of_gains`).
"""

from functools import partial

from paper_checks.studies.sentence_claim import SentenceClaim
from paper_checks.studies.sentence_gains import TARGETS, complete, evidence

CLAIM = SentenceClaim(
    id="W-F5b",
    title="Alignment improves transfer from SST to 4 of 5 sentence sets",
    source="W-F5b (Figure 5b)",
    statement="From SST to MR, CR, SUBJ, MPQA and TREC, alignment improves the "
    "target's accuracy on 4 of 5, by up to 2.5 %.",
    study="sentence_transfer",
    judged=partial(evidence, tasks=TARGETS),
    complete=partial(complete, tasks=TARGETS),
    closing=lambda _: (TARGETS.paper,),
)
