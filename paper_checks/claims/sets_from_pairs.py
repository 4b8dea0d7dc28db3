"""F-G2: whether networks for pairs of tasks suffice to choose larger groups.

Groups are chosen exactly by the mean validation gain over a set's pairs. Regret is what
they miss, on the test losses of all 31 networks, of the best gain over random groups.
"""

import numpy as np
import xarray as xr

from paper_checks.data.task_networks import load_networks, missing
from paper_checks.judge import (
    Control,
    Evidence,
    StudyClaim,
    Verdict,
    decides,
    extreme,
    family,
    mean_with_interval,
)
from paper_checks.studies import sets_from_pairs
from theory.grouping import TableScores
from theory.grouping.scores import members_of

SHUFFLES, HALF = 10, 50.0


def judged(loss: xr.DataArray) -> Evidence:
    """Regret of choices by pairs, over settings, and what predictions are worth."""
    gain, rng = sets_from_pairs.gains(loss), np.random.default_rng(0)
    members = members_of(np.arange(1, 32), loss.sizes["task"])
    found: dict[str, list[float]] = {}
    noticed = np.zeros(SHUFFLES)
    for setting in gain["setting"]:
        valid, test = (
            gain.sel(setting=setting, split=split).to_numpy()
            for split in ("validation", "test")
        )
        pairs, table = sets_from_pairs.from_pairs(valid), TableScores(members, test)
        for name, value in {
            "regret, groups chosen by pairs (%)": sets_from_pairs.regrets(pairs, table),
            "regret, chosen by all sets (%)": sets_from_pairs.regrets(
                TableScores(members, valid), table
            ),
            "rank correlation of gains": sets_from_pairs.rank_correlations(pairs, test),
            "share of squared gains explained": sets_from_pairs.explained(pairs, test),
        }.items():
            found.setdefault(name, []).append(float(np.mean(value)))
        for i in range(SHUFFLES):
            other = sets_from_pairs.shuffled(pairs, rng)
            noticed[i] += np.mean(sets_from_pairs.regrets(other, table)) / len(gain)
    missed = found.pop("regret, chosen by all sets (%)")
    whole = extreme("largest regret, chosen by all sets (%)", missed)
    regret, *_ = (mean_with_interval(name, one) for name, one in found.items())
    ranks, share = family({n: v for n, v in found.items() if n != regret.quantity})
    return Evidence(
        holds=True if regret.high < HALF else False if regret.low > HALF else None,
        deciding=decides(regret, HALF),
        named={"regret": regret, "whole": whole, "ranks": ranks, "share": share},
        measurements=(regret, whole, ranks, share),
        controls=(
            Control.among("each pair's own gain (shuffled)", noticed > regret.value),
        ),
        data="taskgrouping",
    )


CLAIM = StudyClaim(
    id="F-G2",
    title="Pairs of tasks suffice to choose larger groups",
    source="F-G2 (Standley et al. 2020; arXiv 2010.15413, 2109.04617)",
    statement="Groups chosen by the mean gain over the pairs in a set miss less than "
    "half of what the best groups gain over random ones, on five Taskonomy tasks.",
    headline={
        **dict.fromkeys(
            Verdict, "Groups chosen by pairs miss {regret} % of the best gain"
        ),
        Verdict.NEEDS_DATA: "Needs {missing}",
    },
    details=(
        "Choosing by all 31 validation losses misses at most {whole:.1f} %.",
        "Within a task, predicted and measured gains of sets of three and more have "
        "rank correlation {ranks}.",
        "Predictions explain {share} of the squared gains: order more than size.",
    ),
    caveats=("Four settings, one network a set: intervals are over settings.",),
    lacking=lambda settings: missing(settings.data),
    study=lambda settings: load_networks(settings.data),
    judged=judged,
)
