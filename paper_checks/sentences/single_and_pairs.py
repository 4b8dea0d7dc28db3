"""Sets alone, pairs and all six, trained as a study says, from cells."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from paper_checks.data.sentences import SPLITS
from paper_checks.sentences.cells import Bench, Cell, Result
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.splits import Protocol

SETS = tuple(SPLITS)
PAIRS = tuple(combinations(SETS, 2))
# Passes before the last, within which a best one says that training was cut short.
LATE = 3


class Trained(NamedTuple):
    """One problem of a cell, by run: accuracy and best pass also by task."""

    test: Float[np.ndarray, "s k"]
    best_pass: Float[np.ndarray, "s k"]
    similarity: Float[np.ndarray, " s"]
    aligned_similarity: Float[np.ndarray, " s"]

    @classmethod
    def of(cls, result: Result, place: int) -> "Trained":
        """From its place in the cell."""
        return cls(*(getattr(result, name)[place] for name in cls._fields))


def result_of(
    bench: Bench,
    spec: TextStudy,
    protocol: Protocol,
    problems: Sequence[tuple[str, ...]],
    width: int,
    aligned: bool = False,
) -> Result:
    """A cell of the study."""
    training = replace(spec.training, width=width, aligned=aligned)
    return bench.result(
        Cell(
            problems=tuple(problems),
            runs=spec.runs,
            protocol=protocol,
            training=training,
            seed=spec.seed,
        )
    )


def sets_alone(bench: Bench, spec: TextStudy, protocol: Protocol) -> dict[str, Trained]:
    """Every set alone, at the capacity of pairs."""
    problems = [(name,) for name in SETS]
    found = result_of(bench, spec, protocol, problems, spec.training.width)
    return {name: Trained.of(found, place) for place, name in enumerate(SETS)}


def pairs_trained(
    bench: Bench,
    spec: TextStudy,
    protocol: Protocol,
    wanted: Sequence[tuple[str, ...]],
    aligned: bool,
) -> dict[tuple[str, ...], Trained]:
    """Pairs, a few a cell; more than are wanted, where these share cells."""
    found = {}
    width = spec.training.width
    for start in range(0, len(PAIRS), spec.problems):
        part = PAIRS[start : start + spec.problems]
        if not set(part) & set(wanted):
            continue
        result = result_of(bench, spec, protocol, part, width, aligned)
        for place, problem in enumerate(part):
            found[problem] = Trained.of(result, place)
    return found


def late_share(spec: TextStudy, best_pass: Sequence[Float[np.ndarray, "..."]]) -> float:
    """Share of runs and tasks whose best pass is late; NaN if none was trained."""
    best = np.concatenate([one.ravel() for one in best_pass])
    best = best[~np.isnan(best)]
    if not len(best):
        return float("nan")
    return float(np.mean(best > spec.training.epochs - LATE))
