"""Rows to train, to stop and to test with, under three protocols against leaks."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from paper_checks.data.corpus import Corpus, Sparse
from paper_checks.sentences.overlap import (
    exact_duplicates,
    near_duplicates,
    touches,
)

Protocol = Literal["naive", "exact", "near"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
FOLDS = 10
# Share of the rows outside of the test part that stop training, where the set has no
# dev part of its own.
DEV = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Rows of the corpus for each task, and how many the protocol dropped."""

    train: tuple[Int[np.ndarray, " _"], ...]
    dev: tuple[Int[np.ndarray, " _"], ...]
    test: tuple[Int[np.ndarray, " _"], ...]
    dropped: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Duplicates:
    """Pairs of rows of a corpus that are the same text, or nearly."""

    exact: Sparse
    near: Sparse

    @classmethod
    def of(cls, corpus: Corpus) -> "Duplicates":
        """Find them all."""
        exact = exact_duplicates(corpus.exact_group)
        return cls(exact=exact, near=(near_duplicates(corpus.counts) + exact).tocsr())

    def under(self, protocol: Protocol) -> Sparse:
        """The pairs that a protocol keeps apart; `None` for `naive`."""
        return {"naive": None, "exact": self.exact, "near": self.near}[protocol]


def split(
    corpus: Corpus, duplicates: Duplicates, protocol: Protocol, run: int, seed: int
) -> Split:
    """Split every set of the corpus for one run.

    Official parts stay. A set without a test part is cut into ten folds, anew for
    every ten runs, of which number `run mod 10` is tested on; one without a dev part
    gives a tenth of its other rows.

    `naive` leaves it at that: a sentence may be in the test part of one set and in the
    training part of another. Under the others no training row of any set is a
    duplicate of a dev or test row of any set, its own among them, and no dev row one
    of a test row; such rows are dropped from training and dev, test parts stay whole.
    All tasks use these rows, trained alone or together, so that a gain of training
    together is none of other rows.

    Raises:
        ValueError: An unknown protocol, or a part of a task that has one class only
            or no rows; the message names the task, the part and the run.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be of {PROTOCOLS}, got {protocol!r}")
    part = np.full(len(corpus.texts), "train", dtype="<U5")
    for task in range(len(corpus.names)):
        _assign(corpus, part, task, run, seed)
    pairs = duplicates.under(protocol)
    kept = np.ones(len(part), dtype=bool)
    if pairs is not None:
        kept = _kept(part, pairs)
    rows = [_rows(corpus, part, kept, task, run) for task in range(len(corpus.names))]
    dropped = [int(np.sum(~kept & (corpus.task == task))) for task in range(len(rows))]
    return Split(
        train=tuple(one["train"] for one in rows),
        dev=tuple(one["dev"] for one in rows),
        test=tuple(one["test"] for one in rows),
        dropped=tuple(dropped),
    )


def _assign(corpus: Corpus, part: np.ndarray, task: int, run: int, seed: int) -> None:
    """Write `dev` and `test` where rows of a task are of these."""
    mine = corpus.task == task
    official = set(corpus.split[mine].tolist())
    for name in ("dev", "test"):
        part[mine & (corpus.split == name)] = name
    if "test" not in official:
        rng = np.random.default_rng([seed, task, run // FOLDS, 0])
        fold = rng.permutation(mine.sum()) % FOLDS
        part[np.flatnonzero(mine)[fold == run % FOLDS]] = "test"
    if "dev" not in official:
        rng = np.random.default_rng([seed, task, run, 1])
        rest = np.flatnonzero(mine & (part == "train"))
        part[rng.choice(rest, round(DEV * len(rest)), replace=False)] = "dev"


def _kept(part: np.ndarray, pairs: Sparse) -> Bool[np.ndarray, " n"]:
    """Rows that are no duplicates of rows that must not be known to them."""
    dev, test = part == "dev", part == "test"
    of_test = touches(pairs, test)
    kept = test | ~of_test
    return kept & ~((part == "train") & touches(pairs, dev))


def _rows(
    corpus: Corpus, part: np.ndarray, kept: np.ndarray, task: int, run: int
) -> dict[str, Int[np.ndarray, " _"]]:
    found = {}
    for name in ("train", "dev", "test"):
        mine = np.flatnonzero((corpus.task == task) & (part == name) & kept)
        seen = np.unique(corpus.labels[mine])
        if len(seen) < 2:
            classes = f"the class {seen[0]} only" if len(seen) else "no rows"
            raise ValueError(
                f"{corpus.names[task]}: the {name} part of run {run} has {classes}: "
                "use another seed, or a larger set"
            )
        found[name] = mine
    return found
