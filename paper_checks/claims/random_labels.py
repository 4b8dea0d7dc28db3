"""W-X2: Algorithm 2 on random pairs of labels, one of which is partly random."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from paper_checks.benchmarks.label_pairs import LabelPairs, noisy_auc, run
from paper_checks.data import chest_images
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.chest_images import load_labelled
from paper_checks.data.folder import load_benchmark
from paper_checks.data.manifest import read_manifest
from paper_checks.images.record import measurements
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings
from paper_checks.studies.stores import kept_of_data

NAME = "label_pairs"
SOURCE = "W-X2 (ChestX-ray14, 20 random pairs)"
STATEMENTS = {
    "W-X2": "On 20 random pairs of labels, 20 % of one's random, the weights of "
    "Algorithm 2 raise the mean AUC (the paper: by 2.4 % on chest X-rays).",
    "W-X2s": "The same with weights of labels of unit variance.",
}
# Points of mean AUC, on chest X-rays.
PAPERS = 2.4
READING = {"W-X2": "printed", "W-X2s": "standardised"}
# Among the sets by a name that says which rows of it.
CHEST = f"{chest_images.NAME} (no patient in two parts)"


def find(settings: Settings) -> Sequence[Finding]:
    """Judge both readings; needs multi-label sets in a folder."""
    lacking = missing(settings)
    if lacking:
        return [_without_data(settings, claim, lacking) for claim in STATEMENTS]
    spec = LabelPairs(
        sets=_available(settings), draws=settings.scaled(1, 10), seed=settings.seed
    )
    data = _kept(settings, spec)
    checked = _control(settings, spec)
    return [_finding(settings, claim, data, checked) for claim in STATEMENTS]


def missing(settings: Settings) -> str:
    """What a run lacks; empty if nothing.

    Raises:
        FileNotFoundError, ValueError: The folder or its manifest is missing or bad.
    """
    if settings.data is None:
        return "no folder of data is given: make verify DATA=/path/to/folder"
    listed = read_manifest(settings.data)
    wanted = [(name, part) for name in LabelPairs().sets for part in ("train", "test")]
    absent = [f"{name} ({part})" for name, part in wanted if (name, part) not in listed]
    return f"the manifest does not list {', '.join(absent)}" if absent else ""


def load_part(folder: Path, name: str, part: str) -> LinearBenchmark:
    """Read the training or test part of a set; of chest X-rays, their pixels."""
    if name == CHEST:
        return load_labelled(folder).benchmark(part)
    return load_benchmark(folder, name, part)


def _available(settings: Settings) -> tuple[str, ...]:
    """The sets of the protocol, and the thousand chest X-rays where they are listed."""
    assert settings.data is not None
    listed = read_manifest(settings.data)
    chest = (chest_images.NAME, chest_images.SPLIT) in listed
    return LabelPairs().sets + ((CHEST,) if chest else ())


def _kept(settings: Settings, spec: LabelPairs) -> xr.Dataset:
    folder = settings.data
    assert folder is not None

    def measured(wanted: LabelPairs) -> xr.Dataset:
        return run(wanted, lambda name, part: load_part(folder, name, part))

    return kept_of_data(settings, NAME, spec, measured)


def _control(settings: Settings, spec: LabelPairs) -> Control:
    """All labels of the first task random: its AUC must fall, by Student's interval."""
    assert settings.data is not None
    name = spec.sets[0]
    parts = [load_benchmark(settings.data, name, part) for part in ("train", "test")]
    few = replace(spec, pairs=10)
    partly, wholly = (
        noisy_auc(few, parts[0], parts[1], share)[:, 0] for share in (spec.share, 1.0)
    )
    fall = mean_with_interval("fall of AUC", partly - wholly)
    return Control(
        dropped=f"{1 - spec.share:.0%} of one task's labels that are right (all random "
        "instead; its AUC must fall on average, by Student's interval)",
        # Of fair coins half of ten pairs fall, which `judge` would do with.
        noticed=int(np.sum(wholly < partly)) if fall.low > 0 else 0,
        instances=len(partly),
    )


def _finding(
    settings: Settings, claim: str, data: xr.Dataset, checked: Control
) -> Finding:
    part = data.sel(reading=READING[claim])
    gains = {
        (str(model), str(name)): _gain(part, str(model), str(name))
        for model in data["model"].to_numpy()
        for name in data["set"].to_numpy()
    }
    # Pairs of a set share tasks and rows, and some are drawn twice: sets are what is
    # independent.
    overall = {
        str(model): mean_with_interval(
            f"gain of mean AUC, mean of sets, {model} (points)",
            part["gain"].sel(model=model).mean(("pair", "draw")).to_numpy(),
        )
        for model in data["model"].to_numpy()
    }
    lines = "; ".join(
        f"{model}: {one.value:+.2f} [{one.low:.2f}, {one.high:.2f}]"
        for model, one in overall.items()
    )
    noisy = part["noisy_gain"].mean(("set", "pair", "draw"))
    count = data.sizes["pair"] * data.sizes["set"]
    return Finding(
        claim=claim,
        statement=STATEMENTS[claim],
        source=SOURCE,
        verdict=_verdict(list(overall.values()), checked),
        reason=f"not the paper's images: on {count} pairs of {_sets(data)}, weighted "
        f"less uniform, in points of AUC, with intervals over sets: {lines}; of the "
        f"task with random labels alone {float(noisy.min()):+.2f} to "
        f"{float(noisy.max()):+.2f}",
        measurements=(*overall.values(), *gains.values(), *_recorded(claim)),
        controls=(checked,),
        data=_sets(data),
        seed=settings.seed,
    )


def _verdict(overall: Sequence[Measurement], checked: Control) -> Verdict:
    """Holds if both models gain, fails if one gains less than the paper, by intervals.

    Between the two it could be chance, and more sets are needed.
    """
    if all(one.low > 0 for one in overall):
        return judge(True, (checked,))
    short = judge(False, (checked,))
    return short if any(one.high < PAPERS for one in overall) else Verdict.NEEDS_DATA


def _gain(part: xr.Dataset, model: str, name: str) -> Measurement:
    values = part["gain"].sel(model=model, set=name).mean("draw").to_numpy()
    found = mean_with_interval(f"gain of mean AUC, {name}, {model} (points)", values)
    return replace(found, interval=f"{found.interval}, over pairs that share tasks")


def _recorded(claim: str) -> tuple[Measurement, ...]:
    """What a DenseNet gave on the thousand chest X-rays; it decides nothing here."""
    return measurements("pairs", (READING[claim],))


def _sets(data: xr.Dataset) -> str:
    return ", ".join(str(name) for name in data["set"].to_numpy())


def _without_data(settings: Settings, claim: str, lacking: str) -> Finding:
    return Finding(
        claim=claim,
        statement=STATEMENTS[claim],
        source=SOURCE,
        verdict=Verdict.NEEDS_DATA,
        reason=f"needs multi-label sets ({', '.join(LabelPairs().sets)}): {lacking}",
        measurements=_recorded(claim),
        controls=(),
        data="none",
        seed=settings.seed,
    )
