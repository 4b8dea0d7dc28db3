"""All sentences of several sets as the rows of one problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int, Shaped

from paper_checks.data.sentences import (
    SPLITS,
    Sentences,
    key,
    load_sentences,
    tokens,
)

# A `scipy.sparse.csr_array`; type checkers take what its methods return for more.
Sparse = Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Corpus:
    """Rows of several sets, one after the other.

    `task` is the number of a row's set, `split` its official split, `all` where there
    is none. `classes` is the number of classes of each set.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    task: Int[np.ndarray, " n"]
    split: Shaped[np.ndarray, " n"]
    classes: tuple[int, ...]
    checksums: Mapping[str, str]

    @classmethod
    def from_sentences(cls, parts: Sequence[Sentences]) -> "Corpus":
        """Join splits of sets; splits of one set have its name."""
        names = tuple(dict.fromkeys(part.name for part in parts))
        lengths = [len(part.texts) for part in parts]
        by_name = {part.name: len(part.class_names) for part in parts}
        return cls(
            names=names,
            texts=tuple(text for part in parts for text in part.texts),
            labels=np.concatenate([part.labels for part in parts]),
            task=np.repeat([names.index(part.name) for part in parts], lengths),
            split=np.repeat([part.split for part in parts], lengths),
            classes=tuple(by_name[name] for name in names),
            checksums={f"{part.name} {part.split}": part.checksum for part in parts},
        )

    @cached_property
    def tokens(self) -> tuple[tuple[str, ...], ...]:
        """Tokens of every row."""
        return tuple(tokens(text) for text in self.texts)

    @cached_property
    def exact_group(self) -> Int[np.ndarray, " n"]:
        """A number that two rows share if they are exact duplicates."""
        return np.unique([key(text) for text in self.texts], return_inverse=True)[1]

    @cached_property
    def counts(self) -> Sparse:
        """How often each row has each token (rows x distinct tokens)."""
        column: dict[str, int] = {}
        places = [
            column.setdefault(token, len(column))
            for row in self.tokens
            for token in row
        ]
        ends = np.cumsum([0, *map(len, self.tokens)])
        shape = (len(self.texts), max(1, len(column)))
        found = sp.csr_array((np.ones(len(places)), places, ends), shape=shape)
        found.sum_duplicates()
        return found

    def part(self, name: str, split: str) -> Int[np.ndarray, " m"]:
        """Rows of one split of a set."""
        task = self.names.index(name)
        return np.flatnonzero((self.task == task) & (self.split == split))

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Every set and split, in the order of the rows."""
        pairs = zip(self.task.tolist(), self.split.tolist(), strict=True)
        return tuple((self.names[task], split) for task, split in dict.fromkeys(pairs))


def load_corpus(folder: Path, names: Sequence[str] = tuple(SPLITS)) -> Corpus:
    """Read several sets.

    Raises:
        FileNotFoundError, ValueError: As `load_sentences`.
    """
    parts = [part for name in names for part in load_sentences(folder, name)]
    return Corpus.from_sentences(parts)
