"""Trained cells on disk, a small JSON file each; one that is done is not run again."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.data.corpus import Corpus
from paper_checks.data.vectors import WordVectors
from paper_checks.networks.encoders import Kind
from paper_checks.sentences.inputs import Inputs, encoder_inputs
from paper_checks.sentences.overlap import overlap_report
from paper_checks.sentences.splits import Duplicates, Protocol, split
from paper_checks.sentences.training import Fit, Problem, Training, fit
from simulations.files import write_json
from simulations.provenance import attributes, spec_json
from theory.covariance import gram_similarity


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Problems of as many tasks each, trained side by side under one protocol.

    Args:
        problems: Names of the sets that train together, for each problem.
        runs: Runs of each problem; run `n` has a split, a start and an order of its
            own.
        protocol: What is kept out of training.
        training: The encoder, and how it is trained.
        shuffled: Train on labels in random order: a control, whose accuracy is that
            of knowing nothing.
        seed: Of the runs.
    """

    problems: tuple[tuple[str, ...], ...]
    runs: int
    protocol: Protocol
    training: Training
    shuffled: bool = False
    seed: int = 0

    @property
    def name(self) -> str:
        """What its file is called: what it is, and a digest of all of it."""
        how, sizes = self.training, {len(tasks) for tasks in self.problems}
        words = [how.encoder, self.protocol, f"r{how.width}"]
        words += [f"{size}-tasks" for size in sizes]
        words += ["aligned"] * how.aligned + ["shuffled"] * self.shuffled
        digest = hashlib.sha256(spec_json(self).encode()).hexdigest()
        return "-".join([*words, digest[:10]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """What a cell gave: by problem, run and task of the problem.

    `similarity` (problem, run) is eq 5's score of the two tasks' inputs as they are,
    and `aligned_similarity` that of the inputs times the learned `R_i`; NaN unless
    there are two tasks, and alignment.
    """

    cell: Cell
    test: Float[np.ndarray, "p s k"]
    dev: Float[np.ndarray, "p s k"]
    best_pass: Float[np.ndarray, "p s k"]
    similarity: Float[np.ndarray, "p s"]
    aligned_similarity: Float[np.ndarray, "p s"]
    about: Mapping[str, Any]

    def of(self, tasks: tuple[str, ...]) -> Float[np.ndarray, "s k"]:
        """Test accuracy of one problem."""
        return self.test[self.cell.problems.index(tasks)]


class Bench:
    """Runs cells on one corpus, and keeps them in a folder."""

    def __init__(
        self,
        corpus: Corpus,
        vectors: WordVectors,
        folder: Path,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.corpus = corpus
        self.vectors = vectors
        self.folder = folder
        self.report = report
        self.checksums = {**corpus.checksums, "vectors": vectors.checksum}
        self._inputs: dict[Kind, Inputs] = {}

    @cached_property
    def duplicates(self) -> Duplicates:
        """Pairs of rows of the corpus that are the same text, or nearly."""
        return Duplicates.of(self.corpus)

    @cached_property
    def overlap(self) -> xr.Dataset:
        """What the parts of the sets share."""
        pairs = self.duplicates
        return overlap_report(self.corpus, pairs.exact, pairs.near)

    def inputs(self, kind: Kind) -> Inputs:
        """What an encoder sees; made when it is first needed."""
        if kind not in self._inputs:
            self._inputs[kind] = encoder_inputs(self.corpus, self.vectors, kind)
        return self._inputs[kind]

    def result(self, cell: Cell) -> Result:
        """Read a cell's file, or train it and write the file whole.

        A file of other data, or one that cannot be read, is replaced.
        """
        path = self.folder / f"{cell.name}.json"
        found = read_cell(path, cell, self.checksums)
        if found is not None:
            return found
        self.report(cell.name)
        start = time.perf_counter()
        plain = self._train(cell)
        seconds = time.perf_counter() - start
        about = attributes(cell) | {
            "data": self.checksums,
            "seconds": round(seconds, 2),
        }
        write_json(path, plain | {"about": about})
        read = read_cell(path, cell, self.checksums)
        if read is None:
            raise OSError(f"{path} was written and cannot be read")
        return read

    def _train(self, cell: Cell) -> dict[str, Any]:
        inputs = self.inputs(cell.training.encoder)
        if cell.shuffled:
            inputs = _shuffled(inputs, self.corpus, cell.seed)
        places = [
            [self.corpus.names.index(t) for t in tasks] for tasks in cell.problems
        ]
        splits = [
            split(self.corpus, self.duplicates, cell.protocol, run, cell.seed)
            for run in range(cell.runs)
        ]
        problems = [
            Problem(tuple(tasks), one, 1000 * cell.seed + run)
            for tasks in places
            for run, one in enumerate(splits)
        ]
        found = fit(inputs, self.corpus.classes, problems, cell.training)
        shape = (len(cell.problems), cell.runs)
        before, after = _similarities(inputs, problems, found)
        by_task = {
            "test": np.round(found.test, 6),
            "dev": np.round(found.dev, 6),
            "best_pass": found.best_pass,
        }
        dropped = np.array([one.dropped for one in splits])
        return {
            **{n: v.reshape(*shape, -1).tolist() for n, v in by_task.items()},
            "similarity": np.round(before, 6).reshape(shape).tolist(),
            "aligned_similarity": np.round(after, 6).reshape(shape).tolist(),
            "passes": found.passes,
            "dropped": dict(zip(self.corpus.names, dropped.T.tolist(), strict=True)),
        }


def _shuffled(inputs: Inputs, corpus: Corpus, seed: int) -> Inputs:
    """Labels of every set in random order, those of its held parts too."""
    labels = inputs.labels.copy()
    for task in range(len(corpus.names)):
        rng = np.random.default_rng([seed, task, 2])
        mine = np.flatnonzero(corpus.task == task)
        labels[mine] = labels[rng.permutation(mine)]
    return Inputs(inputs.table, inputs.places, labels)


def _similarities(
    inputs: Inputs, problems: list[Problem], found: Fit
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, " s"]]:
    """Scores of the training inputs of pairs, before and after alignment."""
    nothing = np.full(len(problems), np.nan)
    if found.maps is None or len(problems[0].tasks) != 2:
        return nothing, nothing
    before, after = nothing.copy(), nothing.copy()
    for place, (problem, maps) in enumerate(zip(problems, found.maps, strict=True)):
        one, other = (inputs.gram(problem.split.train[task]) for task in problem.tasks)
        before[place] = float(gram_similarity(one, other))
        turned = (maps[0].T @ one @ maps[0], maps[1].T @ other @ maps[1])
        after[place] = float(gram_similarity(*turned))
    return before, after


def read_cell(path: Path, cell: Cell, checksums: Mapping[str, str]) -> Result | None:
    """Read a cell from its file; `None` if there is none of this cell and data."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        about = plain["about"]
        if (about["spec"], about["data"]) != (spec_json(cell), dict(checksums)):
            return None
        names = ("test", "dev", "best_pass", "similarity", "aligned_similarity")
        arrays = {name: np.array(plain[name], dtype=float) for name in names}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Result(cell=cell, **arrays, about=about)
