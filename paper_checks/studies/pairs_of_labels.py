"""The study of random labels on the multi-label sets of a folder, and its control."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr

from paper_checks.benchmarks.label_pairs import LabelPairs, noisy_auc, run
from paper_checks.data import chest_images
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.chest_images import load_labelled
from paper_checks.data.folder import load_benchmark
from paper_checks.data.manifest import read_manifest
from paper_checks.judge.measurement import mean_with_interval
from paper_checks.judge.verdict import Control
from paper_checks.settings import Settings
from paper_checks.studies.stores import kept_of_data

NAME = "label_pairs"
# Among the sets by a name that says which rows of it.
CHEST = f"{chest_images.NAME} (no patient in two parts)"


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


def available(settings: Settings) -> tuple[str, ...]:
    """The sets of the protocol, and the thousand chest X-rays where they are listed."""
    assert settings.data is not None
    listed = read_manifest(settings.data)
    chest = (chest_images.NAME, chest_images.SPLIT) in listed
    return LabelPairs().sets + ((CHEST,) if chest else ())


def load_part(folder: Path, name: str, part: str) -> LinearBenchmark:
    """Read the training or test part of a set; of chest X-rays, their pixels."""
    if name == CHEST:
        return load_labelled(folder).benchmark(part)
    return load_benchmark(folder, name, part)


# Two claims rest on it, one after the other.
@lru_cache(maxsize=1)
def measured(settings: Settings, manifest: str) -> tuple[xr.Dataset, Control]:
    """Gains of all pairs, from their store if it has them, and the control.

    Args:
        settings: With a folder of data.
        manifest: Digest of the folder's manifest: other data is measured again.
    """
    del manifest
    folder = settings.data
    assert folder is not None
    spec = LabelPairs(
        sets=available(settings), draws=settings.scaled(1, 10), seed=settings.seed
    )
    data = kept_of_data(
        settings,
        NAME,
        spec,
        lambda wanted: run(wanted, lambda name, part: load_part(folder, name, part)),
    )
    return data, _control(folder, spec)


def _control(folder: Path, spec: LabelPairs) -> Control:
    """All labels of the first task random: its AUC must fall, by Student's interval."""
    parts = [load_benchmark(folder, spec.sets[0], part) for part in ("train", "test")]
    few = replace(spec, pairs=10)
    partly, wholly = (
        noisy_auc(few, parts[0], parts[1], share)[:, 0] for share in (spec.share, 1.0)
    )
    fall = mean_with_interval("fall of AUC", partly - wholly)
    return Control(
        dropped=f"{1 - spec.share:.0%} of one task's labels that are right (all random "
        "instead; its AUC must fall on average, by Student's interval)",
        # A fair coin rejects half of ten pairs, which would pass as a convincing one.
        noticed=int(np.sum(wholly < partly)) if fall.low > 0 else 0,
        instances=len(partly),
    )
