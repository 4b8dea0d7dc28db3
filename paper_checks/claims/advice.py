"""W-S1: whether the sign of the gain of sharing is known before training, on real sets.

Not a claim of the paper: it is what its theory is for. It holds if the lower end of the
estimate's rate of right signs is above the upper end of every simple rule's.
"""

import numpy as np
import xarray as xr

from paper_checks.judge import (
    CheckError,
    Control,
    Evidence,
    Measurement,
    StudyClaim,
    Verdict,
    decides,
)
from paper_checks.leaderboard.scores import RULES, AdviceStudy
from paper_checks.studies.advised_gains import advised_gains, lacking
from simulations.provenance import read_spec

# How sentences name the rates of `RULES`, of which the last are simple ones.
NAMES = ("estimate", "left_out", "sure", "left_out_sure", "always", "never", "cosine")
SIMPLE = RULES[-3:]
SHUFFLES = 100


def judged(data: xr.Dataset) -> Evidence:
    found = data.sel(group="all sets", subset="all pairs")
    rates = {rule: rate(found.sel(rule=rule), rule) for rule in RULES}
    estimate = rates[RULES[0]]
    highest = max(rates[rule].high for rule in SIMPLE)
    scopes = data["scope"].to_numpy()
    each = data["rate"].sel(subset="all pairs", group=scopes)
    worse = each.sel(rule=RULES[0]) < each.sel(rule=list(SIMPLE)).max("rule")
    spec = read_spec(data, AdviceStudy)
    return Evidence(
        holds=estimate.low > highest,
        deciding=decides(estimate, highest),
        named={
            **dict(zip(NAMES, rates.values(), strict=True)),
            "best": max(rates[rule].value for rule in SIMPLE),
            "helped": float(np.mean(data["weighted"].to_numpy() > 0)),
            "worse": int(worse.sum()),
            "scopes": len(scopes),
            "where": "; ".join(scopes[worse.to_numpy()]) or "none",
        },
        measurements=tuple(rates.values()),
        controls=(shuffled(data, spec.seed),),
        data=", ".join(spec.benchmarks),
    )


def rate(found: xr.Dataset, rule: str) -> Measurement:
    if np.isnan(found["rate"]):
        raise CheckError(f"{rule}: no prediction to count")
    return Measurement(
        quantity=f"right signs: {rule}",
        value=float(found["rate"]),
        low=float(found["rate_low"]),
        high=float(found["rate_high"]),
        interval="95 % bootstrap over targets, mean of sets",
        n=found.sizes["case"],
    )


def shuffled(data: xr.Dataset, seed: int) -> Control:
    """Rates of right signs with the estimates of other pairs of the same set.

    A pair's own must do better, or the rate says only that one sign is the commoner.
    """
    rng = np.random.default_rng(seed)
    scope = data["pair_scope"].to_numpy()
    said = np.sign(data["predicted"].to_numpy())
    true = np.sign(data["measured"].to_numpy())
    sets = [np.flatnonzero(scope == one) for one in np.unique(scope)]

    def right(signs: np.ndarray) -> float:
        return float(np.mean([np.mean(signs[mine] == true[mine]) for mine in sets]))

    own, noticed = right(said), 0
    for _ in range(SHUFFLES):
        other = said.copy()
        for mine in sets:
            other[mine] = rng.permutation(said[mine])
        noticed += right(other) < own
    dropped = "estimates of the pair itself"
    return Control(dropped=dropped, noticed=noticed, instances=SHUFFLES)


FOUND = "Right signs on {estimate:.0%} of pairs, by the best simple rule on {best:.0%}"
CLAIM = StudyClaim(
    id="W-S1",
    title="Whether pooling helps is known before training, on real sets",
    source="W-S1 (derived here; W's question of positive and negative transfer)",
    statement="Before training, from (G, g, e) of half of the rows or of few, the sign "
    "of what a target gains by pooling a source is right more often, on average over "
    "sets, than if one always shared, never shared, or shared where the cosine of the "
    "tasks' own solutions is positive.",
    headline={
        Verdict.HOLDS: FOUND,
        Verdict.FAILS: FOUND,
        Verdict.NEEDS_DATA: "Needs {missing}",
    },
    details=(
        "Rates are means over {scopes} sets and sizes of training data.",
        "Leaving rows out is right on {left_out:.0%}, and on {left_out_sure:.0%} where "
        "it is two errors from zero.",
        "Always sharing is right on {always:.0%}, never sharing on {never:.0%} and the "
        "cosine of solutions on {cosine:.0%}.",
        "On {worse} of {scopes} sets and sizes a simple rule is better, as one sign is "
        "the rule there: {where}.",
        "Weights suggested from the same rows lower the test error of {helped:.0%} of "
        "targets.",
    ),
    study=advised_gains,
    judged=judged,
    lacking=lacking,
)
