"""Rows that repeat in a task, or that several tasks have in common, found by value."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from pandas.util import hash_pandas_object
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Equal rows are copies if there are more of them than this many times chance explains.
BEYOND = 10


class Repeats(NamedTuple):
    """What repeats. `kept` are the rows that count, `clusters` those rows' clusters.

    `clusters` number rows that depend on each other, across tasks; None if none do.
    `copies` counts the rows of each task that repeat another exactly; `common` those
    that another task has as well.
    """

    kept: list[Bool[np.ndarray, " _"]]
    clusters: list[Int[np.ndarray, " _"]] | None
    copies: Int[np.ndarray, " k"]
    common: Int[np.ndarray, " k"]


def find_repeats(
    covariates: Sequence[Float[np.ndarray, "_ d"]],
    labels: Sequence[Float[np.ndarray, " _"]],
    groups: Sequence[np.ndarray] | None = None,
) -> Repeats:
    """Find rows that are equal in value, beyond what chance explains.

    A row whose inputs and label both repeat another's in its task is a copy, as a join
    makes them, and counts once. Rows of different tasks with equal inputs are one
    observation with several labels, as in a table of several targets: their noise may
    go together, and they make one cluster.

    Coarse values repeat by chance. With `q_c` the share of pairs of rows that are equal
    in column `c`, independent columns would make `Π_c q_c` of all pairs equal. Rows are
    taken for copies where ten times as many are.

    Args:
        covariates: `X_i` as read.
        labels: `y_i` as read.
        groups: Group of every row, one name in all tasks; its rows are a cluster too.

    Source: derived here.
    """
    kept = [
        _first(np.column_stack([x, y])) for x, y in zip(covariates, labels, strict=True)
    ]
    copies = np.array([np.sum(~one) for one in kept])
    x = np.concatenate([x[own] for x, own in zip(covariates, kept, strict=True)])
    task = np.repeat(np.arange(len(kept)), [own.sum() for own in kept])
    key = pd.factorize(_keys(x))[0]
    shared = _in_several(key, task, x)
    common = np.bincount(task[shared[key]], minlength=len(kept))
    if groups is None and not shared.any():
        return Repeats(kept, None, copies, common)
    # A key that no two tasks share is no reason to join rows.
    lone = len(shared) + np.arange(len(key))
    cluster = np.where(shared[key], key, lone)
    if groups is not None:
        names = np.concatenate([g[own] for g, own in zip(groups, kept, strict=True)])
        cluster = _joined(cluster, pd.factorize(names)[0])
    ends = np.cumsum([own.sum() for own in kept])[:-1]
    return Repeats(kept, np.split(cluster, ends), copies, common)


def row_clusters(
    covariates: Sequence[Float[np.ndarray, "_ d"]],
    labels: Sequence[Float[np.ndarray, " _"]],
) -> list[Int[np.ndarray, " _"]] | None:
    """Clusters of all rows: copies, and rows that several tasks have; None for none.

    Args:
        covariates: `X_i` as read.
        labels: `y_i` as read.
    """
    found = find_repeats(covariates, labels)
    if found.clusters is None and not found.copies.any():
        return None
    x = np.concatenate(covariates)
    key = pd.factorize(_keys(x))[0]
    # Rows of equal inputs are in one cluster, be it within a task or across.
    return np.split(key, np.cumsum([len(y) for y in labels])[:-1])


def _keys(values: Float[np.ndarray, "n d"]) -> np.ndarray:
    # Adding 0 makes −0 equal to 0.
    frame = pd.DataFrame(np.asarray(values, float) + 0.0)
    hashed: Any = hash_pandas_object
    return np.asarray(hashed(frame, index=False))


def _first(values: Float[np.ndarray, "n d"]) -> Bool[np.ndarray, " n"]:
    """The first of equal rows, if more are equal than chance explains."""
    key = pd.factorize(_keys(values))[0]
    n, times = len(key), np.bincount(key)
    pairs = float(np.sum(times * (times - 1)) / 2)
    if not pairs or pairs <= BEYOND * _chance(values) * n * (n - 1) / 2:
        return np.ones(n, bool)
    first = np.zeros(n, bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first


def _chance(values: Float[np.ndarray, "n d"]) -> float:
    """Share of pairs of rows that are equal, were columns independent."""
    n, share = len(values), 1.0
    distinct = values[np.unique(_keys(values), return_index=True)[1]]
    for column in distinct.T:
        times = np.unique(column, return_counts=True)[1]
        # A pair more, so that columns without an equal pair are not quite 0.
        pairs = np.sum(times * (times - 1)) + 1
        share *= min(1.0, pairs / max(len(distinct) * (len(distinct) - 1), 1))
    return share if n > 1 else 0.0


def _in_several(key: np.ndarray, task: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Keys that several tasks have, if there are more than chance explains."""
    pair = np.unique(np.stack([key, task], axis=1), axis=0, return_counts=True)
    tasks = np.bincount(pair[0][:, 0])
    # Pairs of equal rows in different tasks: all pairs of a key less those within.
    within = np.bincount(pair[0][:, 0], pair[1] * (pair[1] - 1) / 2)
    times = np.bincount(key)
    found = np.sum(times * (times - 1) / 2 - within)
    sizes = np.bincount(task)
    possible = (np.sum(sizes) ** 2 - np.sum(sizes**2)) / 2
    if not found or found <= BEYOND * _chance(x) * possible:
        return np.zeros(len(tasks), bool)
    return tasks > 1


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The finest clusters that hold those of both."""
    first, second = pd.factorize(one)[0], pd.factorize(other)[0]
    size = first.max() + 1
    ends = (first, size + second)
    graph = coo_array((np.ones(len(first)), ends), shape=(size + second.max() + 1,) * 2)
    return connected_components(graph, directed=False)[1][first]
