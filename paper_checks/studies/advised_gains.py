"""The study of gains known before training, on the sets that a folder has."""

from pathlib import Path

import xarray as xr

from paper_checks.data import landmine
from paper_checks.data.folder import benchmark_names
from paper_checks.data.manifest import read_manifest
from paper_checks.leaderboard import scores
from paper_checks.leaderboard.scores import AdviceStudy
from paper_checks.settings import Settings
from paper_checks.studies.stores import kept_of_data


def available(folder: Path) -> tuple[str, ...]:
    """The sets of the study that the folder's manifest lists."""
    listed = set(benchmark_names(folder))
    if (landmine.NAME, "all") in read_manifest(folder):
        listed.add(landmine.NAME)
    return tuple(name for name in AdviceStudy().benchmarks if name in listed)


def lacking(settings: Settings) -> str:
    """What is needed, if the folder has none of the sets."""
    if settings.data is not None and available(settings.data):
        return ""
    return f"a folder with any of {', '.join(AdviceStudy().benchmarks)}"


def advised_gains(settings: Settings) -> xr.Dataset:
    """Run the study on the folder's sets, or read it from its store."""
    assert settings.data is not None
    folder = settings.data
    spec = AdviceStudy(
        benchmarks=available(folder),
        repeats=settings.scaled(10, 40),
        seed=settings.seed,
    )

    def run(wanted: AdviceStudy) -> xr.Dataset:
        return scores.run(wanted, folder, lambda _: None)

    return kept_of_data(settings, "advice_on_real_data", spec, run)
