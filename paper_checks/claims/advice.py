"""W-S1: whether the sign of the gain of sharing is known before training, on real sets.

Not a claim of the paper: it is what its theory is for.
"""

from pathlib import Path

import numpy as np
import xarray as xr

from paper_checks.data import landmine
from paper_checks.data.folder import benchmark_names
from paper_checks.data.manifest import read_manifest
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import CheckError, Measurement
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.leaderboard import scores
from paper_checks.leaderboard.scores import RULES, AdviceStudy
from paper_checks.settings import Settings
from paper_checks.studies.stores import kept_of_data

NAME = "advice_on_real_data"
SOURCE = "W-S1 (derived here; W's question of positive and negative transfer)"
STATEMENT = (
    "Before training, from (G, g, e) of half of the rows or of few, the sign of what a "
    "target gains by pooling a source is right more often, on average over sets, than "
    "if one always shared, never shared, or shared where the cosine of the tasks' own "
    "solutions is positive."
)
ESTIMATE, LEFT_OUT = RULES[:2]
BASELINES = RULES[-3:]
SHUFFLES = 100


def find(settings: Settings) -> Finding:
    """Compare rates of right signs, mean of all sets; needs a folder of real data."""
    names = () if settings.data is None else available(settings.data)
    if settings.data is None or not names:
        return _without_data(settings)
    spec = AdviceStudy(
        benchmarks=names, repeats=settings.scaled(10, 40), seed=settings.seed
    )
    data = _kept(settings, spec, settings.data)
    found = data.sel(group="all sets", subset="all pairs")
    best = max(float(found["rate_high"].sel(rule=rule)) for rule in BASELINES)
    low = float(found["rate_low"].sel(rule=ESTIMATE))
    control = shuffled(data, settings.seed)
    return Finding(
        claim="W-S1",
        statement=STATEMENT,
        source=SOURCE,
        verdict=judge(low > best, (control,)),
        reason=_reason(data, found),
        measurements=tuple(_measured(data, found, rule) for rule in RULES),
        controls=(control,),
        data=", ".join(names),
        seed=settings.seed,
    )


def available(folder: Path) -> tuple[str, ...]:
    """The sets of the study that the folder's manifest lists."""
    listed = set(benchmark_names(folder))
    if (landmine.NAME, "all") in read_manifest(folder):
        listed.add(landmine.NAME)
    return tuple(name for name in AdviceStudy().benchmarks if name in listed)


def shuffled(data: xr.Dataset, seed: int) -> Control:
    """Rates with the estimates of other pairs of the same set in place of a pair's.

    The pair's own estimates must do better than shuffled ones, or the rate says only
    that one sign is the commoner.
    """
    rng = np.random.default_rng(seed)
    scope = data["pair_scope"].to_numpy()
    said = np.sign(data["predicted"].to_numpy())
    true = np.sign(data["measured"].to_numpy())
    sets = [np.flatnonzero(scope == one) for one in np.unique(scope)]

    def rate(signs: np.ndarray) -> float:
        return float(np.mean([np.mean(signs[mine] == true[mine]) for mine in sets]))

    own, noticed = rate(said), 0
    for _ in range(SHUFFLES):
        other = said.copy()
        for mine in sets:
            other[mine] = rng.permutation(said[mine])
        noticed += rate(other) < own
    return Control(
        dropped="estimates of the pair itself", noticed=noticed, instances=SHUFFLES
    )


def _kept(settings: Settings, spec: AdviceStudy, folder: Path) -> xr.Dataset:
    def run(wanted: AdviceStudy) -> xr.Dataset:
        return scores.run(wanted, folder, lambda _: None)

    return kept_of_data(settings, NAME, spec, run)


def _measured(data: xr.Dataset, found: xr.Dataset, rule: str) -> Measurement:
    value, low, high = (
        float(found[name].sel(rule=rule)) for name in ("rate", "rate_low", "rate_high")
    )
    if np.isnan(value):
        raise CheckError(f"{rule}: no prediction to count")
    return Measurement(
        quantity=f"right signs: {rule}",
        value=value,
        low=low,
        high=high,
        interval="95 % bootstrap over targets, mean of sets",
        n=data.sizes["case"],
    )


def _reason(data: xr.Dataset, found: xr.Dataset) -> str:
    rate = {rule: float(found["rate"].sel(rule=rule)) for rule in RULES}
    helped = float(np.mean(data["weighted"].to_numpy() > 0))
    worse = [
        str(one)
        for one in data["scope"].to_numpy()
        if float(data["rate"].sel(group=one, rule=ESTIMATE, subset="all pairs"))
        < max(
            float(data["rate"].sel(group=one, rule=rule, subset="all pairs"))
            for rule in BASELINES
        )
    ]
    others = ", ".join(f"{rate[rule]:.0%} for '{rule}'" for rule in BASELINES)
    return (
        f"right signs on {rate[ESTIMATE]:.0%} of pairs, mean of {data.sizes['scope']} "
        f"sets and sizes, and on {rate[LEFT_OUT]:.0%} if rows are left out instead; "
        f"{others}. Where rows left out are sure (two errors from zero), "
        f"{rate[RULES[3]]:.0%}. On {len(worse)} of them ({'; '.join(worse) or 'none'}) "
        "one of the baselines does better, as one sign is the rule there. Weights "
        f"suggested from the same rows lower the test error of {helped:.0%} of targets"
    )


def _without_data(settings: Settings) -> Finding:
    wanted = ", ".join(AdviceStudy().benchmarks)
    return Finding(
        claim="W-S1",
        statement=STATEMENT,
        source=SOURCE,
        verdict=Verdict.NEEDS_DATA,
        reason=f"needs a folder of real data with any of {wanted}: "
        "make verify DATA=/path/to/folder",
        measurements=(),
        controls=(),
        data="none",
        seed=settings.seed,
    )
