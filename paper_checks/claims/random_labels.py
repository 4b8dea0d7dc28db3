"""W-X2: Algorithm 2 on random pairs of labels, one of which is partly random.

The gain is the mean test AUC of a pair with the weights of Algorithm 2 less that with
uniform ones. Pairs of a set share tasks and rows, so intervals are over sets. The claim
holds if both models gain by these intervals, and fails if one gains less than in the
paper; between the two it could be chance, and more sets are needed.
"""

from dataclasses import replace
from functools import partial

import xarray as xr

from paper_checks.benchmarks.label_pairs import LabelPairs
from paper_checks.data.manifest import manifest_digest
from paper_checks.images.record import in_words, measurements
from paper_checks.judge import (
    Control,
    Evidence,
    StudyClaim,
    decides,
    mean_with_interval,
)
from paper_checks.settings import Settings
from paper_checks.studies import pairs_of_labels

# Points of mean AUC, on chest X-rays.
PAPERS = 2.4


def study(settings: Settings, reading: str) -> tuple[xr.Dataset, Control] | Evidence:
    """Gains of all pairs and the control, or what is missing and on record."""
    lacking = pairs_of_labels.missing(settings)
    if settings.data is not None and not lacking:
        return pairs_of_labels.measured(settings, manifest_digest(settings.data))
    found = measurements("pairs", (reading,))
    return Evidence(
        missing=f"multi-label sets ({', '.join(LabelPairs().sets)}): {lacking}",
        headline=in_words(found),
        measurements=found,
        data="none",
    )


def judged(found: tuple[xr.Dataset, Control], reading: str) -> Evidence:
    """Judge both models on the sets at hand."""
    part, control = found[0].sel(reading=reading), found[1]
    sets = [str(name) for name in part["set"].to_numpy()]
    overall, each = {}, []
    for model in map(str, part["model"].to_numpy()):
        gains = part["gain"].sel(model=model).mean("draw").transpose("set", "pair")
        name = f"gain of mean AUC, mean of sets, {model} (points)"
        overall[model] = mean_with_interval(name, gains.mean("pair"))
        for one, values in zip(sets, gains.to_numpy(), strict=True):
            name = f"gain of mean AUC, {one}, {model} (points)"
            by_pair = mean_with_interval(name, values)
            over = f"{by_pair.interval}, over pairs that share tasks"
            each.append(replace(by_pair, interval=over))
    noisy = part["noisy_gain"].mean(("set", "pair", "draw"))
    least = min(overall.values(), key=lambda one: one.high)
    gain = all(one.low > 0 for one in overall.values())
    told = " and ".join(f"{one} ({model})" for model, one in overall.items())
    return Evidence(
        holds=True if gain else False if least.high < PAPERS else None,
        deciding=decides(least, PAPERS),
        headline=f"Pairs gain {told} points of AUC (paper: {PAPERS})",
        # What is on record decides nothing here.
        measurements=(*overall.values(), *each, *measurements("pairs", (reading,))),
        controls=(control,),
        details=(
            f"The task with random labels gains {float(noisy.min()):+.2f} to "
            f"{float(noisy.max()):+.2f} points.",
        ),
        caveats=(
            f"These are {part.sizes['pair'] * len(sets)} pairs of {', '.join(sets)}, "
            "and not the paper's images; intervals are over sets.",
        ),
        data=", ".join(sets),
    )


def claim(number: str, title: str, statement: str, reading: str) -> StudyClaim:
    """The claim with labels read in one way."""
    return StudyClaim(
        id=number,
        title=title,
        source="W-X2 (ChestX-ray14, 20 random pairs)",
        statement=statement,
        study=partial(study, reading=reading),
        judged=partial(judged, reading=reading),
    )


CLAIMS = (
    claim(
        "W-X2",
        "Algorithm 2's weights help pairs with a partly random task",
        "On 20 random pairs of labels, 20 % of one's random, the weights of Algorithm "
        "2 raise the mean AUC (the paper: by 2.4 % on chest X-rays).",
        "printed",
    ),
    claim(
        "W-X2s",
        "Weights of standardised labels help such pairs",
        "The same with weights of labels of unit variance.",
        "standardised",
    ),
)
