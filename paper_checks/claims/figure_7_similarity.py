"""W-F7s: whether alignment makes the inputs of pairs of sentence sets more alike.

Holds if, without near-duplicates, the similarity (eq 5) of the inputs of all 15 pairs
is higher with alignment than without.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from scipy import stats

from paper_checks.judge import Evidence, decides, extreme, failure_rate, led, plain
from paper_checks.studies.sentence_claim import SentenceClaim
from paper_checks.studies.sentence_gains import PAIRS, complete, protocols_of
from paper_checks.studies.sentences import encoder_in_words


def of_protocol(data: xr.Dataset, protocol: str) -> Evidence | None:
    """Change of the similarity of the pairs trained in full; `None` without any."""
    names = ["similarity", "aligned_similarity", "together", "aligned"]
    part = data[names].sel(protocol=protocol).dropna("pair").mean("run")
    if not part.sizes["pair"]:
        return None
    before, after = part["similarity"], part["aligned_similarity"]
    change = (after - before).to_numpy()
    gain = (part["aligned"] - part["together"]).to_numpy()
    count, higher = len(change), int(np.sum(change > 0))
    quantity = f"pairs whose score does not rise, {protocol}"
    lower = failure_rate(quantity, count - higher, count)
    most = extreme(f"largest change of the score, {protocol}", change)
    rank = plain(
        f"rank correlation of the change with the gain, {protocol}",
        float(np.asarray(stats.spearmanr(change, gain))[0]),
        "none: a rank correlation of pairs",
        count,
    )
    means = (
        f"its mean goes from {float(before.mean()):.2f} to {float(after.mean()):.2f}"
    )
    whole = (protocol, count) == ("near", PAIRS.number)
    rises = f"the similarity rises on {higher} of {count} pairs; {means}"
    return Evidence(
        holds=False if protocol == "near" and higher < count else whole or None,
        deciding=decides(lower, 1 / count),
        headline=f"With the {data.attrs['encoder'].upper()} {rises}",
        measurements=(lower, most, rank),
        details=(
            f"With {encoder_in_words(data, protocol)} {rises}.",
            f"The rank correlation of its change with the gain in accuracy is {rank}.",
        ),
    )


def similarity(data: xr.Dataset) -> Evidence:
    """What pairs say of the similarity of their inputs; the strictest protocol decides.

    Args:
        data: Of the study `sentence_pairs`.
    """
    each = [of_protocol(data, protocol) for protocol in protocols_of(data)]
    found = [one for one in each if one is not None]
    return led(found[-1], found)


def why(every: Sequence[xr.Dataset]) -> tuple[str, ...]:
    """Why the similarity falls; nothing if it does not."""
    changes = [one["aligned_similarity"] - one["similarity"] for one in every]
    if not any(float(change.mean()) < 0 for change in changes):
        return ()
    return (
        "Uncentred word vectors are alike from the start, as they share a large mean.",
        "R_i learned for the loss alone turn them apart.",
    )


CLAIM = SentenceClaim(
    id="W-F7s",
    title="Alignment makes the inputs of all 15 pairs more similar",
    source="W-F7 (Figure 7)",
    statement="Alignment raises the similarity of the inputs of all 15 pairs.",
    study="sentence_pairs",
    judged=similarity,
    complete=partial(complete, tasks=PAIRS),
    closing=why,
)
