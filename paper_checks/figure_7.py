"""W-F7: alignment on all pairs of six sets: accuracy, and how alike the inputs are."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy import stats

from paper_checks.benchmarks.text.splits import PROTOCOLS
from paper_checks.figure_5b import gain_of_alignment, mean_gain
from paper_checks.sentence_studies import DATA, control, needs_data, study
from paper_checks.settings import Settings
from paper_checks.verdict import Finding, Measurement, extreme, failure_rate, judge

SOURCE = "W-F7 (Figure 7)"
STATEMENTS = {
    "W-F7": "Alignment raises the mean accuracy of 13 of 15 pairs, by up to 4.1 %.",
    "W-F7s": "Alignment raises the similarity of the inputs of all 15 pairs.",
}
WANTED = 13


def find(settings: Settings) -> Sequence[Finding]:
    """Judge accuracy and similarity under the protocol without near-duplicates."""
    lacking = [needs_data(settings, c, s, SOURCE) for c, s in STATEMENTS.items()]
    if lacking[0] is not None:
        return [one for one in lacking if one is not None]
    data = study(settings, "sentence_pairs")
    return [_accuracy(settings, data), _similarity(settings, data)]


def _accuracy(settings: Settings, data: xr.Dataset) -> Finding:
    gains = {p: gain_of_alignment(data, p, "pair") for p in PROTOCOLS}
    better = {p: int(np.sum(gains[p].mean("run") > 0)) for p in PROTOCOLS}
    mean = {p: mean_gain(f"gain by alignment, mean of pairs, {p}", gains[p]) for p in
            PROTOCOLS}  # fmt: skip
    near = gains["near"].mean("run").to_numpy()
    counts = ", ".join(f"{better[p]} under '{p}'" for p in PROTOCOLS)
    return _finding(
        settings,
        data,
        "W-F7",
        better["near"] >= WANTED and mean["near"].low > 0,
        f"alignment raises the mean accuracy of {counts} of {len(near)} pairs (the "
        f"paper: 13, by at most 4.1 points, with an LSTM); without near-duplicates by "
        f"{near.min():+.1f} to {near.max():+.1f} points, on average "
        f"{mean['near'].value:+.2f} [{mean['near'].low:.2f}, {mean['near'].high:.2f}]",
        tuple(mean.values()),
    )


def _similarity(settings: Settings, data: xr.Dataset) -> Finding:
    part = data.sel(protocol="near").mean("run")
    before = part["similarity"].to_numpy()
    after = part["aligned_similarity"].to_numpy()
    gain = gain_of_alignment(data, "near", "pair").mean("run").to_numpy()
    rank = float(np.asarray(stats.spearmanr(after - before, gain))[0])
    lower = int(np.sum(after <= before))
    return _finding(
        settings,
        data,
        "W-F7s",
        lower == 0,
        f"the score rises on {len(before) - lower} of {len(before)} pairs: from "
        f"{before.mean():.2f} on average to {after.mean():.2f}. Its rank correlation "
        f"with the gain by alignment is {rank:.2f}. Uncentred word vectors are alike "
        "from the start, as they share a large mean, and R_i learned for the loss "
        "alone turn them apart",
        (
            failure_rate("pairs whose score does not rise", lower, len(before)),
            extreme("largest change of the score", after - before),
            extreme("rank correlation of the change with the gain", np.array(rank)),
        ),
    )


def _finding(
    settings: Settings,
    data: xr.Dataset,
    claim: str,
    holds: bool,
    reason: str,
    measurements: tuple[Measurement, ...],
) -> Finding:
    checked = control(settings)
    return Finding(
        claim=claim,
        statement=STATEMENTS[claim],
        source=SOURCE,
        verdict=judge(holds, (checked,)),
        reason=f"with a {data.attrs['encoder']} ({data.sizes['run']} runs), {reason}",
        measurements=measurements,
        controls=(checked,),
        data=f"{DATA}; encoder {data.attrs['encoder']}",
        seed=settings.seed,
    )
