"""Networks trained on images, a small JSON file each; one that is done is read."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from paper_checks.data.chest_images import LabelledImages
from paper_checks.images.problems import Problem, Scheme, Study, problem
from paper_checks.images.training import Fit, Training, fit
from simulations.files import write_json
from simulations.provenance import attributes, spec_json


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One network: what it is trained on, with which weights, and how.

    Args:
        study: All tasks with clean labels, or a pair with random labels in one.
        number: Of the run, or of the pair.
        scheme: The weights.
        training: The network and its training.
        seed: Of the pairs and their labels; runs and pairs have their own starts.
    """

    study: Study
    number: int
    scheme: Scheme
    training: Training
    seed: int = 0

    @property
    def name(self) -> str:
        """What its file is called: what it is, and a digest of all of it."""
        depth = self.training.network.depth
        words = [self.study, f"densenet{depth}", f"{self.number:02}", self.scheme]
        return "-".join([*words, sha256(spec_json(self).encode()).hexdigest()[:10]])

    @property
    def start(self) -> int:
        """Seed of start and batches: one for all schemes, which are compared."""
        return 1000 * self.seed + self.number


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What a cell gave, and what it cost."""

    cell: Cell
    fit: Fit
    tasks: tuple[str, ...]
    about: Mapping[str, Any]


class Bench:
    """Trains cells on the images of a folder, and keeps them in another."""

    def __init__(
        self,
        data: LabelledImages,
        folder: Path,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.data = data
        self.folder = folder
        self.report = report

    def done(self, cell: Cell) -> Result | None:
        """What is in a cell's file; `None` if it is not there, or of other images."""
        return _read(self.folder / f"{cell.name}.json", cell, self.data.checksum)

    def result(self, cell: Cell) -> Result:
        """Read a cell's file, or train it and write the file whole."""
        found = self.done(cell)
        if found is not None:
            return found
        self.report(cell.name)
        given = problem(self.data, cell.study, cell.number, cell.seed)
        wall, cpu = time.perf_counter(), time.process_time()
        found = fit(
            part_of(self.data, given),
            given.weights(cell.scheme),
            cell.training,
            cell.start,
            labels=given.labels,
            report=lambda said: self.report(f"  {said}"),
        )
        names = tuple(self.data.names[task] for task in given.tasks)
        about = attributes(cell) | {
            "data": self.data.checksum,
            "network_bits": 32,
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
        }
        _write(self.folder / f"{cell.name}.json", found, names, about)
        return Result(cell=cell, fit=found, tasks=names, about=about)


def part_of(data: LabelledImages, given: Problem) -> LabelledImages:
    """The images with the labels of a problem's tasks alone."""
    tasks = list(given.tasks)
    names = tuple(data.names[task] for task in tasks)
    return replace(data, labels=data.labels[:, tasks], names=names)


def _read(path: Path, cell: Cell, checksum: str) -> Result | None:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        about = plain["about"]
        if (about["spec"], about["data"]) != (spec_json(cell), checksum):
            return None
        # JSON's null, the AUC of a task of one class, becomes NaN.
        found = Fit(*(np.array(plain[name], dtype=float) for name in Fit._fields))
        if found.test.shape != (cell.training.passes, len(plain["tasks"])):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Result(cell=cell, fit=found, tasks=tuple(plain["tasks"]), about=about)


def _write(path: Path, found: Fit, tasks: tuple[str, ...], about: Mapping) -> None:
    rounded = {n: np.round(a, 6).tolist() for n, a in found._asdict().items()}
    write_json(path, {"tasks": tasks, **rounded, "about": about})
