"""W-F5b: from SST to five other sets, with and without alignment of the embeddings."""

import xarray as xr

from paper_checks import paired_tests, sentence_claims
from paper_checks.alignment_gains import gains_of, improves, strictest, tally, width_of
from paper_checks.benchmarks.text.printed import LARGEST_OF_TARGETS, TARGETS
from paper_checks.sentence_claims import Judged, SentenceClaim, runs_of
from paper_checks.settings import Settings
from paper_checks.verdict import Finding

# The five sets beside SST.
COUNT = 5
STATEMENT = (
    "From SST to MR, CR, SUBJ, MPQA and TREC, alignment improves the target's accuracy "
    "on 4 of 5, by up to 2.5 %."
)


def find(settings: Settings) -> Finding:
    """Judge alignment under the protocol without near-duplicates."""
    return sentence_claims.find(settings, CLAIM)


def judged(data: xr.Dataset) -> Judged:
    """What transfer from SST says of alignment.

    Args:
        data: Of the study `sentence_transfer`.
    """
    found = gains_of(data, "target")
    strict = strictest(found)
    mean = strict.mean["aligned"]
    near = strict.gain["aligned"].mean("run")
    by_target = ", ".join(
        f"{str(name).upper()} {float(value):+.1f}"
        for name, value in zip(near["task"].to_numpy(), near.to_numpy(), strict=True)
    )
    reason = (
        f"of capacity {width_of(data)} ({runs_of(data)}), alignment improves "
        f"{tally(found, 'targets')} (the paper: {TARGETS}, by up to "
        f"{LARGEST_OF_TARGETS} points, with an LSTM); under '{strict.protocol}' by "
        f"{by_target} points, on average {mean.value:+.2f} [{mean.low:.2f}, "
        f"{mean.high:.2f}]; after Holm's correction alignment moves "
        f"{paired_tests.said(strict.tested['aligned'])}, and training with SST "
        f"{paired_tests.said(strict.tested['together'])}"
    )
    measured = tuple(entry for one in found.values() for entry in one.measurements)
    return Judged(improves(found, COUNT, TARGETS), reason, measured)


CLAIM = SentenceClaim(
    claim="W-F5b",
    statement=STATEMENT,
    source="W-F5b (Figure 5b)",
    study="sentence_transfer",
    judged=judged,
)
