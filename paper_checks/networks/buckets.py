"""Batches of texts of about one length, in step for several runs at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int32

# Rows of a task of a run.
Rows = Sequence[Sequence[Int[np.ndarray, " _"]]]


class Group(NamedTuple):
    """Batches that are padded to one length; batch `g` is of task `task[g]`.

    Runs `s` take the same steps with rows of their own. `seen` is false at entries
    that only fill a batch up.
    """

    length: int
    task: Int32[np.ndarray, " g"]
    rows: Int32[np.ndarray, "g s b"]
    seen: Bool[np.ndarray, "g s b"]


class _Batch(NamedTuple):
    bucket: int
    task: int
    rows: Int32[np.ndarray, "s b"]
    seen: Bool[np.ndarray, "s b"]


def edges(lengths: Int[np.ndarray, " n"], buckets: int) -> tuple[int, ...]:
    """Lengths that batches are padded to: quantiles of the texts', the longest last."""
    shares = np.linspace(0, 1, buckets + 1)[1:]
    found = np.quantile(np.maximum(lengths, 1), shares, method="higher")
    return tuple(int(edge) for edge in np.unique(found))


def plan(
    rows: Rows,
    lengths: Int[np.ndarray, " n"],
    padded: Sequence[int],
    size: int,
    together: int | None,
    rng: np.random.Generator | None,
) -> list[Group]:
    """Share the rows of all runs out into batches, each row once.

    Args:
        rows: Of every run and task.
        lengths: Of all texts.
        padded: Lengths of the buckets, ascending; the last holds the longest text.
        size: Rows a batch.
        together: Batches a group; all of one length if `None`.
        rng: Shuffles rows and batches; `None` leaves their order.

    Returns:
        Groups of `together` batches each, the last of a length filled up with batches
        of no row, so that each length is one compiled program.
    """
    bucket = np.searchsorted(padded, np.maximum(lengths, 1))
    batches: list[_Batch] = []
    for task in range(len(rows[0])):
        for place in range(len(padded)):
            mine = [own[task][bucket[own[task]] == place] for own in rows]
            if rng is not None:
                mine = [rng.permutation(one) for one in mine]
            batches += _cut(mine, place, task, size)
    order = np.arange(len(batches)) if rng is None else rng.permutation(len(batches))
    groups = []
    for place, length in enumerate(padded):
        chosen = [batches[n] for n in order if batches[n].bucket == place]
        step = together or max(1, len(chosen))
        for start in range(0, len(chosen), step):
            groups.append(_join(chosen[start : start + step], length, step))
    if rng is None:
        return groups
    return [groups[n] for n in rng.permutation(len(groups))]


def _cut(mine: list[np.ndarray], bucket: int, task: int, size: int) -> list[_Batch]:
    """Batches of one task and length; runs of fewer rows have fewer seen."""
    count = -(-max(map(len, mine)) // size)
    rows = np.zeros((len(mine), count * size), dtype=np.int32)
    seen = np.zeros(rows.shape, dtype=bool)
    for run, own in enumerate(mine):
        rows[run, : len(own)] = own
        seen[run, : len(own)] = True
    parts = [slice(n * size, (n + 1) * size) for n in range(count)]
    return [_Batch(bucket, task, rows[:, part], seen[:, part]) for part in parts]


def _join(chosen: list[_Batch], length: int, step: int) -> Group:
    empty = chosen[0]._replace(seen=np.zeros_like(chosen[0].seen))
    filled = [*chosen, *[empty] * (step - len(chosen))]
    return Group(
        length=length,
        task=np.array([one.task for one in filled], dtype=np.int32),
        rows=np.stack([one.rows for one in filled]),
        seen=np.stack([one.seen for one in filled]),
    )
