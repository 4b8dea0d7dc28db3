"""Gain predicted before training against gain measured, on real sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.folder import load_benchmark
from paper_checks.data.landmine import NAME, load_landmine
from paper_checks.leaderboard.measured_gains import (
    SplitResult,
    advise_and_measure,
    split,
    usable_tasks,
)
from simulations.store import Entry, dataset

SURE = ("from (G, g, e), if sure", "leaving rows out, if sure")
RULES = (
    "from (G, g, e)",
    "leaving rows out",
    *SURE,
    "always share",
    "never share",
    "cosine of solutions",
)
SUBSETS = ("all pairs", "clear pairs")
# Standard errors that a gain must be away from zero to be clear, or a rule to be sure.
CLEAR = 2.0
RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class AdviceStudy:
    """What is done; saved with the results.

    Args:
        benchmarks: Names in the folder's manifest.
        repeats: Random splits of each.
        tasks: At most so many tasks of each, those with most rows.
        seed: Of splits and resamples.
        manifest: SHA-256 of the list of what the sets are read from.
    """

    benchmarks: tuple[str, ...] = (
        *("school", "parkinsons_telemonitoring", "landmine", "sarcos_test"),
        *("wq", "enb", "jura", "scpf"),
    )
    repeats: int = 20
    tasks: int = 30
    seed: int = 0
    manifest: str = ""


class _Scope(NamedTuple):
    """A benchmark with half of its rows to train, or few."""

    name: str
    tasks: tuple[str, ...]
    results: SplitResult  # stacked over splits


def run(spec: AdviceStudy, folder: Path, report: Callable[[str], None]) -> xr.Dataset:
    """Split each set at random, advise from one part, train, and test on the other.

    The gain of a pair is the mean over splits of the relative change of the target's
    test error. A prediction is right if it has the sign of that mean. A pair is clear
    if the mean is two standard errors over splits from zero; splits share rows, so
    that is a filter and no test. Rates have 95 % intervals by resampling targets
    within each set; 'all sets' is the mean of their rates. With few rows at most
    `2.5 (d+1)` are trained on; not for Landmine, whose labels would often be constant.

    Returns:
        By pair (scope, source, target): `measured`, its `measured_error`, `predicted`,
        `left_out`, `cosine`, means over splits. By target: `weighted` and `pooled_all`,
        the measured gains of suggested weights and of pooling all. By scope, rule and
        subset: `rate`, `rate_low`, `rate_high`. By scope: `slope` of measured on
        predicted gain, where that is within ±1, with its interval, and the rank
        correlations `spearman`, `spearman_left_out`, `spearman_cosine`.

    Raises:
        FileNotFoundError, ValueError: A file of the folder is missing or bad.
    """
    scopes = []
    for name in spec.benchmarks:
        report(f"advice: {name}")
        load = load_landmine if name == NAME else lambda f, n=name: load_benchmark(f, n)
        scopes += _scopes(load(folder), spec)
    return _dataset(spec, scopes)


def _scopes(benchmark: LinearBenchmark, spec: AdviceStudy) -> list[_Scope]:
    tasks = usable_tasks(benchmark, spec.tasks)
    if len(tasks) < 2:
        raise ValueError(f"{benchmark.name}: fewer than two tasks have enough rows")
    names = tuple(benchmark.task_names[i] for i in tasks)
    found = []
    for few in (False, True):
        if few and benchmark.name == NAME:
            continue
        splits = []
        for repeat in range(spec.repeats):
            rng = np.random.default_rng([spec.seed, repeat, few])
            splits.append(advise_and_measure(split(benchmark, tasks, rng, few=few)))
        stacked = SplitResult(*(np.stack(leaf) for leaf in zip(*splits, strict=True)))
        title = f"{benchmark.name}, {'few rows' if few else 'half'}"
        found.append(_Scope(title, names, stacked))
    return found


def _counts(scope: _Scope) -> np.ndarray:
    """Right and all predictions: rule, subset, target, (right, all)."""
    found = scope.results
    mean = found.measured.mean(axis=0)
    error = found.measured.std(axis=0, ddof=1) / np.sqrt(len(found.measured))
    other = ~np.eye(mean.shape[0], dtype=bool)
    subsets = (other, other & (np.abs(mean) > CLEAR * error))
    sure = (found.low > 0) | (found.high < 0)
    sure_rows = np.abs(found.left_out) > CLEAR * found.left_out_error
    every = np.ones_like(found.measured)
    said = {
        RULES[0]: found.predicted,
        RULES[1]: found.left_out,
        RULES[2]: np.where(sure, found.predicted, np.nan),
        RULES[3]: np.where(sure_rows, found.left_out, np.nan),
        RULES[4]: every,
        RULES[5]: -every,
        RULES[6]: found.cosine,
    }
    right = {name: np.sign(values) == np.sign(mean) for name, values in said.items()}
    return np.array(
        [
            [
                [(right[name] & mine).sum((0, 1)), (told & mine).sum((0, 1))]
                for mine in subsets
            ]
            for name, told in ((name, ~np.isnan(said[name])) for name in RULES)
        ]
    ).swapaxes(2, 3)


def _rates(
    scopes: Sequence[_Scope], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rates, and resampled ones: scope (the last is all), rule, subset."""

    def ratio(count: np.ndarray) -> np.ndarray:
        total = count[..., 1]
        return np.where(total > 0, count[..., 0] / np.maximum(total, 1), np.nan)

    values, drawn = [], []
    for counts in map(_counts, scopes):
        k = counts.shape[2]
        values.append(ratio(counts.sum(axis=2)))
        picks = rng.integers(k, size=(RESAMPLES, k))
        drawn.append(np.stack([ratio(counts[:, :, p].sum(axis=2)) for p in picks]))
    values.append(_mean(np.stack(values)))
    drawn.append(_mean(np.stack(drawn)))
    return np.stack(values), np.stack(drawn)


def _mean(rates: np.ndarray) -> np.ndarray:
    known = ~np.isnan(rates)
    total = np.maximum(known.sum(axis=0), 1)
    return np.where(known.any(axis=0), np.nansum(rates, axis=0) / total, np.nan)


def _quantile(drawn: np.ndarray, share: float) -> np.ndarray:
    """Over resamples; NaN where no resample has a rate."""
    empty = np.all(np.isnan(drawn), axis=1, keepdims=True)
    filled = np.nanquantile(np.where(empty, 0, drawn), share, axis=1)
    return np.where(np.squeeze(empty, axis=1), np.nan, filled)


def _calibration(scope: _Scope, rng: np.random.Generator) -> list[float]:
    """Slope, its bounds, and the rank correlations of three predictors."""
    found = SplitResult(*(leaf.mean(axis=0) for leaf in scope.results))
    k = len(scope.tasks)
    other = ~np.eye(k, dtype=bool)
    near = other & (np.abs(found.predicted) < 1)

    def slope(targets: np.ndarray) -> float:
        mine = near[:, targets]
        x, y = found.predicted[:, targets][mine], found.measured[:, targets][mine]
        spread = np.var(x) if len(x) > 1 else 0.0
        return float(np.cov(x, y, ddof=0)[0, 1] / spread) if spread > 0 else np.nan

    drawn = np.array([slope(rng.integers(k, size=k)) for _ in range(RESAMPLES)])
    some = drawn[~np.isnan(drawn)]
    low, high = np.quantile(some, [0.025, 0.975]) if len(some) else (np.nan, np.nan)
    ranks = [
        _rank(one[other], found.measured[other])
        for one in (found.predicted, found.left_out, found.cosine)
    ]
    return [slope(np.arange(k)), low, high, *ranks]


def _rank(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])


def _dataset(spec: AdviceStudy, scopes: list[_Scope]) -> xr.Dataset:
    rng = np.random.default_rng(spec.seed)
    values, drawn = _rates(scopes, rng)
    slopes = np.array([_calibration(scope, rng) for scope in scopes])
    pairs, cases = _flat(scopes)
    share, axes = "share of the error alone", ("group", "rule", "subset")
    variables: dict[str, Entry] = {
        "rate": (axes, values, "right signs", "1"),
        "rate_low": (axes, _quantile(drawn, 0.025), "lower 95 % bound", "1"),
        "rate_high": (axes, _quantile(drawn, 0.975), "upper 95 % bound", "1"),
    }
    names = ("slope", "slope_low", "slope_high")
    ranks = ("spearman", "spearman_left_out", "spearman_cosine")
    for index, name in enumerate((*names, *ranks)):
        variables[name] = ("scope", slopes[:, index], name.replace("_", ", "), "1")
    for name in ("measured", "measured_error", "predicted", "left_out", "cosine"):
        variables[name] = ("pair", pairs[name], name.replace("_", " "), share)
    for name in ("weighted", "pooled_all"):
        variables[name] = ("case", cases[name], name.replace("_", " "), share)
    titles = [scope.name for scope in scopes]
    coordinates: dict[str, Entry] = {
        "scope": ("scope", np.array(titles), "set and rows", "1"),
        "group": ("group", np.array([*titles, "all sets"]), "set and rows", "1"),
        "rule": ("rule", np.array(RULES), "rule", "1"),
        "subset": ("subset", np.array(SUBSETS), "pairs", "1"),
    }
    for name in ("scope", "source", "target"):
        coordinates[f"pair_{name}"] = ("pair", pairs[name], name, "1")
    for name in ("scope", "target"):
        coordinates[f"case_{name}"] = ("case", cases[name], name, "1")
    return dataset(spec, variables, coordinates)


def _flat(
    scopes: list[_Scope],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One entry a pair of tasks, and one a target."""
    pairs, cases = [], []
    for scope in scopes:
        found, k, tasks = scope.results, len(scope.tasks), np.array(scope.tasks)
        other = ~np.eye(k, dtype=bool)
        source, target = np.nonzero(other)
        spread = found.measured.std(axis=0, ddof=1) / np.sqrt(len(found.measured))
        mean = {name: leaf.mean(axis=0) for name, leaf in found._asdict().items()}
        shown = ("measured", "predicted", "left_out", "cosine")
        pairs.append(
            {
                "scope": np.full(len(source), scope.name),
                "source": tasks[source],
                "target": tasks[target],
                "measured_error": spread[other],
                **{name: mean[name][other] for name in shown},
            }
        )
        own = {name: mean[name] for name in ("weighted", "pooled_all")}
        cases.append({"scope": np.full(k, scope.name), "target": tasks, **own})
    return _joined(pairs), _joined(cases)


def _joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
