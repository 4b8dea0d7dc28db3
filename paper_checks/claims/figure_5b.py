"""W-F5b: from SST to five other sets, with and without alignment of the embeddings."""

import xarray as xr

from paper_checks.judge.finding import Finding
from paper_checks.sentences.printed import LARGEST_OF_TARGETS, TARGETS
from paper_checks.settings import Settings
from paper_checks.studies import sentence_claim
from paper_checks.studies.sentence_claim import Judged, SentenceClaim, runs_of
from paper_checks.studies.sentence_gains import (
    gains_of,
    improves,
    strictest,
    told,
    whole,
    width_of,
)

# The five sets beside SST.
COUNT = 5
STATEMENT = (
    "From SST to MR, CR, SUBJ, MPQA and TREC, alignment improves the target's accuracy "
    "on 4 of 5, by up to 2.5 %."
)


def find(settings: Settings) -> Finding:
    """Judge alignment under the protocol without near-duplicates."""
    return sentence_claim.find(settings, CLAIM)


def judged(data: xr.Dataset) -> Judged:
    """What transfer from SST says of alignment.

    Args:
        data: Of the study `sentence_transfer`.
    """
    found = gains_of(data, "target")
    strict = strictest(found)
    near = strict.gain["aligned"].mean("run")
    by_target = ", ".join(
        f"{str(name).upper()} {float(value):+.1f}"
        for name, value in zip(near["task"].to_numpy(), near.to_numpy(), strict=True)
    )
    reason = (
        f"{runs_of(data)}, capacity {width_of(data)}: {told(found, 'targets')}; "
        f"{by_target}"
    )
    measured = tuple(entry for one in found.values() for entry in one.measurements)
    holds, complete = improves(found, COUNT, TARGETS), whole(found, COUNT)
    return Judged(holds, reason, measured, complete)


CLAIM = SentenceClaim(
    claim="W-F5b",
    statement=STATEMENT,
    source="W-F5b (Figure 5b)",
    study="sentence_transfer",
    judged=judged,
    closing=lambda _: (
        f"The paper, with an LSTM: {TARGETS} of {COUNT}, by up to "
        f"{LARGEST_OF_TARGETS} points"
    ),
)
