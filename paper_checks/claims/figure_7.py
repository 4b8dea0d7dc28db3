"""W-F7: alignment on all pairs of six sets: accuracy, and how alike the inputs are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import stats

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, extreme, failure_rate
from paper_checks.sentences.printed import LARGEST_OF_PAIRS, PAIRS
from paper_checks.settings import Settings
from paper_checks.studies import sentence_claim
from paper_checks.studies.sentence_claim import Judged, SentenceClaim, runs_of
from paper_checks.studies.sentence_gains import (
    gains_of,
    improves,
    protocols_of,
    strictest,
    told,
    whole,
)

SOURCE = "W-F7 (Figure 7)"
STATEMENTS = {
    "W-F7": "Alignment raises the mean accuracy of 13 of 15 pairs, by up to 4.1 %.",
    "W-F7s": "Alignment raises the similarity of the inputs of all 15 pairs.",
}
# Pairs of six sets.
COUNT = 15


def find(settings: Settings) -> Sequence[Finding]:
    """Judge accuracy and similarity under the protocol without near-duplicates."""
    return [sentence_claim.find(settings, claim) for claim in CLAIMS]


def accuracy(data: xr.Dataset) -> Judged:
    """What pairs say of the accuracy aligned.

    Args:
        data: Of the study `sentence_pairs`.
    """
    found = gains_of(data, "pair")
    near = strictest(found).gain["aligned"].mean("run").to_numpy()
    reason = (
        f"{runs_of(data)}: {told(found, 'pairs')}; from {near.min():+.1f} to "
        f"{near.max():+.1f}"
    )
    measured = tuple(entry for one in found.values() for entry in one.measurements)
    holds, complete = improves(found, COUNT, PAIRS), whole(found, COUNT)
    return Judged(holds, reason, measured, complete)


class Scores(NamedTuple):
    """Similarity of the inputs of pairs under one protocol, aligned and as they are."""

    change: Float[np.ndarray, " pair"]
    before: float
    after: float
    rank: float  # correlation of the change with the gain in accuracy

    @property
    def higher(self) -> int:
        """Pairs whose score alignment raises."""
        return int(np.sum(self.change > 0))

    @classmethod
    def of(cls, data: xr.Dataset, protocol: str) -> "Scores | None":
        """From the pairs that were trained in full; `None` if there is none."""
        names = ["similarity", "aligned_similarity", "together", "aligned"]
        part = data[names].sel(protocol=protocol).dropna("pair").mean("run")
        if not part.sizes["pair"]:
            return None
        change = (part["aligned_similarity"] - part["similarity"]).to_numpy()
        gain = (part["aligned"] - part["together"]).to_numpy()
        return cls(
            change,
            float(part["similarity"].mean()),
            float(part["aligned_similarity"].mean()),
            float(np.asarray(stats.spearmanr(change, gain))[0]),
        )

    def measurements(self, protocol: str) -> tuple[Measurement, ...]:
        """All that was measured."""
        count = len(self.change)
        lower = count - self.higher
        quantity = f"pairs whose score does not rise, {protocol}"
        rank = Measurement(
            quantity=f"rank correlation of the change with the gain, {protocol}",
            value=self.rank,
            low=float("nan"),
            high=float("nan"),
            interval="none: a rank correlation of pairs",
            n=count,
        )
        return (
            failure_rate(quantity, lower, count),
            extreme(f"largest change of the score, {protocol}", self.change),
            rank,
        )


def similarity(data: xr.Dataset) -> Judged:
    """What pairs say of the similarity of their inputs aligned.

    Args:
        data: Of the study `sentence_pairs`.
    """
    each = {p: Scores.of(data, p) for p in protocols_of(data)}
    found = {p: one for p, one in each.items() if one is not None}
    name, last = list(found.items())[-1]
    counts = [f"{one.higher} of {len(one.change)} ({p})" for p, one in found.items()]
    ranks = [f"{one.rank:.2f} ({p})" for p, one in found.items()]
    measured = [entry for p, one in found.items() for entry in one.measurements(p)]
    return Judged(
        holds=(name, last.higher) == ("near", COUNT),
        reason=f"{runs_of(data)}: the score rises on {', '.join(counts)} pairs; "
        f"{name}: from {last.before:.2f} on average to {last.after:.2f}; rank "
        f"correlation of its change with the gain by alignment {', '.join(ranks)}",
        measurements=tuple(measured),
        complete=(name, len(last.change)) == ("near", COUNT),
    )


def _why(every: Sequence[xr.Dataset]) -> str:
    """Why the score falls; nothing if it does not."""
    changes = [one["aligned_similarity"] - one["similarity"] for one in every]
    if not any(float(change.mean()) < 0 for change in changes):
        return ""
    return (
        "Uncentred word vectors are alike from the start, as they share a large mean, "
        "and R_i learned for the loss alone turn them apart"
    )


CLAIMS = (
    SentenceClaim(
        claim="W-F7",
        statement=STATEMENTS["W-F7"],
        source=SOURCE,
        study="sentence_pairs",
        judged=accuracy,
        closing=lambda _: (
            f"The paper, with an LSTM: {PAIRS} of {COUNT}, by at most "
            f"{LARGEST_OF_PAIRS} points"
        ),
    ),
    SentenceClaim(
        claim="W-F7s",
        statement=STATEMENTS["W-F7s"],
        source=SOURCE,
        study="sentence_pairs",
        judged=similarity,
        closing=_why,
    ),
)
