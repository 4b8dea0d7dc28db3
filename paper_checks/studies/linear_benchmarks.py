"""Studies of real data for the ledger and the figures, kept in stores."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import xarray as xr

from paper_checks.benchmarks.label_noise import LabelNoise
from paper_checks.benchmarks.study import StudySpec, study
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.bundled import BUNDLED
from paper_checks.data.folder import benchmark_names, load_benchmark
from paper_checks.settings import Settings
from paper_checks.studies.stores import anew
from simulations import store
from simulations.provenance import our_version, spec_json

Study = dict[str, xr.Dataset]
Report = Callable[[str], None]

# Widths of the quick profile where all of them would take longest to compile.
FEW_WIDTHS = {"digits": (1, 2, 4, 7, 9, 10)}
# With k = 139 tasks of their own X every width is a search of some ten seconds, and
# with d = 411 inputs every optimum an eigendecomposition or two of that size.
MANY_TASKS, MANY_INPUTS = 30, 100
# A split of label noise takes four such searches, 20 s of one core at k = 139 and 3 s
# at k = 42. Few splits are worth nothing: the interval of 43 comparisons together is
# 500 standard deviations to either side with 2, and 2.7 with 20.
TOO_MANY_TASKS, SPLITS = 100, 20


def studies(settings: Settings, report: Report) -> dict[str, Study]:
    """Study the bundled sets and, if a folder is given, all linear sets in it.

    Each study is kept in `results/real_data/<name>` and reused if its spec and our
    version are the same.

    Args:
        settings: What was asked for.
        report: Told what is being worked on.

    Raises:
        FileNotFoundError, ValueError: A file of the folder is missing or bad; the
            message names it. Studies already finished are kept.
    """
    found = {}
    for name, load in _sources(settings):
        report(f"real data: {name}")
        found[name] = _kept(settings, name, load)
    return found


def data_named(studied: dict[str, Study]) -> str:
    """The data's names, for the ledger."""
    return "simulated; " + ", ".join(studied)


def _sources(settings: Settings) -> Iterator[tuple[str, Callable[[], LinearBenchmark]]]:
    yield from BUNDLED.items()
    if settings.data is not None:
        for name in benchmark_names(settings.data):
            yield name, partial(load_benchmark, settings.data, name)


def _spec(settings: Settings, name: str, benchmark: LinearBenchmark) -> StudySpec:
    if benchmark.count > MANY_TASKS:
        left_out = settings.profile == "quick" and benchmark.count > TOO_MANY_TASKS
        noise = None if left_out else LabelNoise(repeats=SPLITS, width=1)
        return StudySpec(widths=(1, 2), folds=2, noise=noise, seed=settings.seed)
    if benchmark.dimension > MANY_INPUTS and settings.profile == "quick":
        noise = LabelNoise(repeats=6)
        return StudySpec(widths=(1, 2, 4), folds=3, noise=noise, seed=settings.seed)
    quick = settings.profile == "quick"
    spec = StudySpec(
        folds=3 if quick else 5,
        noise=LabelNoise(repeats=SPLITS if quick else 100),
        seed=settings.seed,
    )
    return (
        replace(spec, widths=FEW_WIDTHS[name]) if quick and name in FEW_WIDTHS else spec
    )


def _kept(settings: Settings, name: str, load: Callable[[], LinearBenchmark]) -> Study:
    folder = settings.results / "real_data" / name
    benchmark = load()
    spec = _spec(settings, name, benchmark)
    if not anew(settings, folder) and folder.is_dir():
        try:
            saved = {path.stem: store.load(path) for path in folder.glob("*.zarr")}
        except (ValueError, OSError):
            saved = {}
        if saved and all(_is_of(data, spec, benchmark) for data in saved.values()):
            return saved
    found = study(benchmark, spec)
    _save(found, folder)
    return found


def _save(found: Study, folder: Path) -> None:
    """Write all parts of a study, or none: those of an older one go with it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}.", dir=folder.parent
    ) as beside:
        for part, data in found.items():
            store.save(data, Path(beside, "new", f"{part}.zarr"))
        if folder.exists():
            folder.rename(Path(beside, "old"))
        Path(beside, "new").rename(folder)


def _is_of(data: xr.Dataset, spec: StudySpec, benchmark: LinearBenchmark) -> bool:
    """Whether stored data is of this spec, this data and our version."""
    wanted = json.loads(spec_json(spec))
    return (
        json.loads(data.attrs["spec"]) == wanted
        and data.attrs.get("version") == our_version()
        and all(data.attrs.get(k) == v for k, v in benchmark.provenance().items())
    )
