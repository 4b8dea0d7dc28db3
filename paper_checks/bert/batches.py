"""Batches of one task and of about one length, the same for every process."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int32

from paper_checks.bert.tokens import Encoded

# Lengths are multiples of this: tiles of matrix units, and few programs to compile.
STEP = 16


class Rows(NamedTuple):
    """One task's texts and labels."""

    texts: Encoded
    labels: Int[np.ndarray, " n"]


class Chosen(NamedTuple):
    """A batch to come: its task, padded length and rows."""

    task: int
    length: int
    rows: Int[np.ndarray, " _"]


class HostBatch(NamedTuple):
    """A batch as NumPy arrays; `tokens` is the number of word pieces in it."""

    piece: Int32[np.ndarray, "b l"]
    kind: Int32[np.ndarray, "b l"]
    mask: Bool[np.ndarray, "b l"]
    labels: Int32[np.ndarray, " b"]
    seen: Bool[np.ndarray, " b"]
    task: int
    tokens: int


def bucket_lengths(tasks: Sequence[Rows], buckets: int) -> tuple[int, ...]:
    """Lengths that batches are padded to: quantiles of all texts', rounded up.

    Raises:
        ValueError: Fewer than one bucket, or a task without rows.
    """
    if buckets < 1:
        raise ValueError(f"buckets must be >= 1, got {buckets}")
    for place, task in enumerate(tasks):
        if not len(task.labels):
            raise ValueError(f"task {place} has no rows")
    lengths = np.concatenate([task.texts.lengths for task in tasks])
    shares = np.linspace(0, 1, buckets + 1)[1:]
    edges = np.quantile(lengths, shares, method="higher")
    return tuple(int(edge) for edge in np.unique(-(-edges // STEP) * STEP))


def epoch(
    tasks: Sequence[Rows],
    padded: Sequence[int],
    size: int,
    seed: int,
    number: int,
) -> list[Chosen]:
    """All batches of one pass over all tasks, in random order; each row once.

    A batch has rows of one task and one length, and a task has batches in proportion
    to its rows. The order depends on the arguments alone, so that a run that was cut
    short goes on with the batch that it would have come to, on any number of devices.

    Args:
        tasks: Their rows.
        padded: Lengths of the buckets, ascending.
        size: Rows a batch.
        seed: Of the run.
        number: Of the pass.
    """
    rng = np.random.default_rng([seed, number])
    found = []
    for place, task in enumerate(tasks):
        bucket = np.searchsorted(padded, task.texts.lengths)
        for one, length in enumerate(padded):
            rows = rng.permutation(np.flatnonzero(bucket == one))
            found += [
                Chosen(place, length, rows[start : start + size])
                for start in range(0, len(rows), size)
            ]
    return [found[n] for n in rng.permutation(len(found))]


def in_order(task: Rows, place: int, padded: Sequence[int], size: int) -> list[Chosen]:
    """Batches of one task, shortest texts first, for evaluation."""
    bucket = np.searchsorted(padded, task.texts.lengths)
    return [
        Chosen(place, length, rows[start : start + size])
        for one, length in enumerate(padded)
        for rows in [np.flatnonzero(bucket == one)]
        for start in range(0, len(rows), size)
    ]


def assemble(task: Rows, chosen: Chosen, size: int) -> HostBatch:
    """Pad a batch to its length, and to `size` rows that are not seen."""
    piece = np.zeros((size, chosen.length), dtype=np.int32)
    kind, mask = np.zeros_like(piece), np.zeros(piece.shape, dtype=bool)
    labels = np.zeros(size, dtype=np.int32)
    for place, row in enumerate(chosen.rows):
        own = task.texts.pieces[row]
        piece[place, : len(own)] = own
        kind[place, : len(own)] = task.texts.kinds[row]
        mask[place, : len(own)] = True
        labels[place] = task.labels[row]
    # A row that is not seen attends to its first entry: none at all has no softmax.
    tokens = int(mask.sum())
    mask[len(chosen.rows) :, 0] = True
    seen = np.arange(size) < len(chosen.rows)
    return HostBatch(piece, kind, mask, labels, seen, chosen.task, tokens)
