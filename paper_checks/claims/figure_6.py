"""W-F6: accuracy of six sentence sets against the capacity, without and with the leak.

Capacities are chosen on dev parts, run by run: alone set by set, together by the mean
of all sets. W-F6 holds if the capacity together is below the sum of those alone and the
mean gain there, together less alone, is above 0 by its interval over runs; it fails if
the gain is below the printed one, 85.1 − 82.6. W-F6n is the same with the leak.
"""

from functools import partial

from paper_checks.studies.sentence_capacity import complete, evidence
from paper_checks.studies.sentence_claim import SentenceClaim
from paper_checks.studies.sentence_leak import leak


def capacity_claim(number: str, protocol: str, words: str, title: str) -> SentenceClaim:
    """The claim on our own curves under one protocol."""
    return SentenceClaim(
        id=number,
        title=title,
        source="W-F6 (Figure 6)",
        statement="Trained together, the six sets are best at a capacity below the sum "
        "of their best single-task capacities, and there better on average than alone. "
        f"Protocol: {words}.",
        study="sentence_capacity",
        judged=partial(evidence, protocol=protocol),
        complete=partial(complete, protocol=protocol),
        closing=leak if protocol == "near" else lambda _: (),
    )


CLAIMS = (
    capacity_claim(
        "W-F6",
        "near",
        "no training sentence near one that is tested",
        "Joint training of six sets gains, with less total capacity",
    ),
    capacity_claim(
        "W-F6n",
        "naive",
        "sets as they are",
        "Joint training gains on sets that share sentences",
    ),
)
