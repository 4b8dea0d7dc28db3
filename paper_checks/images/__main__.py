"""Algorithm 2 on chest X-rays at hand: `python -m paper_checks.images`.

Minutes a network on two cores, and resumable: networks that are done are read.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import tyro

from paper_checks.data.rows import LabelledImages, load_labelled
from paper_checks.images.cells import Bench
from paper_checks.images.problems import Study
from paper_checks.images.record import record
from paper_checks.images.studies import (
    ImageStudy,
    finished,
    summary,
    train_all,
)
from paper_checks.images.training import Training
from paper_checks.networks.densenet import CONFIGS
from simulations.engine.process import share_cpu
from simulations.files import write_json

STUDIES: tuple[Study, ...] = ("clean", "pairs")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a DenseNet on a thousand chest X-rays with uniform and other weights.

    Args:
        data: Folder with a manifest.
        results: Folder of the summary, and of a JSON file a network in `images`.
        depth: DenseNet-121, or one of the same kind that is twenty times cheaper.
        only: `clean` (all tasks, W-X1) or `pairs` (random labels, W-X2); both if none.
        seeds: Starts of `clean`.
        pairs: Random pairs of tasks.
        passes: Over the training part.
        batch: Images a step.
        rate: Of Adam.
        minutes: Start no network that would likely end later; run again to go on.
        record: Also put the summary on record in the package.
    """

    data: Path
    results: Path = Path("results")
    depth: Literal["121", "small"] = "121"
    only: tuple[Study, ...] = ()
    seeds: int = 5
    pairs: int = 20
    passes: int = 5
    batch: int = 25
    rate: float = 1e-3
    minutes: float | None = None
    record: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
    program = "python -m paper_checks.images"
    asked = tyro.cli(Arguments, prog=program, args=arguments)
    try:
        data = load_labelled(asked.data)
        _tell(data)
        bench = Bench(data, asked.results / "images", print)
        until = None
        if asked.minutes is not None:
            until = time.monotonic() + 60 * asked.minutes
        for study in asked.only or STUDIES:
            _run(bench, asked, study, until)
    except (ValueError, OSError) as error:
        print(f"images: {error}", file=sys.stderr)
        return 2
    return 0


def _run(bench: Bench, asked: Arguments, study: Study, until: float | None) -> None:
    spec = ImageStudy(
        study=study,
        numbers=asked.seeds if study == "clean" else asked.pairs,
        training=Training(
            network=CONFIGS[asked.depth],
            batch=asked.batch,
            rate=asked.rate,
            passes=asked.passes,
        ),
    )
    left = train_all(bench, spec, until)
    if left:
        print(f"{left} networks are left: run the same command to go on")
    done = finished(bench, spec)
    if not done:
        return
    found = {spec.name: summary(bench, spec)}
    path = asked.results / f"images-{spec.name}.json"
    write_json(path, found, indent=1)
    if asked.record:
        record(found)
    print(f"{path}: {len(done)} of {spec.numbers} runs")


def _tell(data: LabelledImages) -> None:
    sizes = ", ".join(f"{len(rows)} {name}" for name, rows in data.part.items())
    print(f"{sizes}; {data.dropped} dropped, whose patient is in a later part")
    if data.left_out:
        print(f"left out as too rare: {', '.join(data.left_out)}")
    alone = [data.names[task] for task in data.one_class("dev")]
    if alone:
        print(f"of one class in the dev part, not used there: {', '.join(alone)}")


if __name__ == "__main__":
    sys.exit(main())
