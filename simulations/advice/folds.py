"""Folds that depend neither on the order of rows, tasks or columns nor on units."""

import numpy as np
from jaxtyping import Int

from simulations.advice.rows import Rows

MASK = 0xFFFFFFFFFFFFFFFF


def assign_folds(rows: Rows, folds: int, seed: int) -> list[Int[np.ndarray, " _"]]:
    """The fold of every row of every task.

    A row's key is a hash of the ranks of its values among the rows of its task. Ranks
    know no units, the hashes of columns are summed, and rows are dealt in the order of
    their keys, so that neither units nor any order matters. Rows of one cluster are in
    one fold, in all tasks. Sizes within a task
    differ by 1 at most where no clusters are given.

    Args:
        rows: Tasks with at least one row, or cluster, a fold.
        folds: Number of folds.
        seed: Mixed into the keys.
    """
    keys = [_keys(x, seed) for x in rows.covariates]
    if rows.clusters is not None:
        return _dealt_clusters(rows, keys, folds)
    each = [
        _mixed(key + _mixed(_ranks(y) + np.uint64(MASK // 3)))
        for key, y in zip(keys, rows.labels, strict=True)
    ]
    return [_dealt(key, folds) for key in each]


def _keys(x: np.ndarray, seed: int) -> np.ndarray:
    whole = np.zeros(len(x), np.uint64)
    for column in x.T:
        whole += _mixed(_ranks(column) + np.uint64(seed) + np.uint64(1))
    return _mixed(whole)


def _dealt(key: np.ndarray, folds: int) -> Int[np.ndarray, " m"]:
    fold = np.empty(len(key), int)
    fold[np.argsort(key, kind="stable")] = np.arange(len(key)) % folds
    return fold


def _dealt_clusters(
    rows: Rows, keys: list[np.ndarray], folds: int
) -> list[Int[np.ndarray, " _"]]:
    """Deal whole clusters, each to a fold where its tasks have fewest rows."""
    assert rows.clusters is not None
    task = np.concatenate([np.full(len(c), i) for i, c in enumerate(rows.clusters)])
    _, cluster = np.unique(np.concatenate(rows.clusters), return_inverse=True)
    # A cluster's key is the sum over its rows, whatever their order.
    key = np.zeros(cluster.max() + 1, np.uint64)
    np.add.at(key, cluster, np.concatenate(keys))
    members = np.split(
        np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1]
    )
    counts = np.zeros((len(rows.labels), folds), int)
    fold = np.empty(len(cluster), int)
    for one in np.argsort(_mixed(key), kind="stable"):
        own, size = np.unique(task[members[one]], return_counts=True)
        held = counts[own]
        turn = np.roll(np.arange(folds), int(_mixed(key[one : one + 1])[0] % folds))
        full = (held.max(axis=0), held.sum(axis=0))
        best = min(range(folds), key=lambda f: (full[0][f], full[1][f], turn[f]))
        counts[own, best] += size
        fold[members[one]] = best
    return np.split(fold, np.cumsum([len(c) for c in rows.clusters])[:-1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Dense ranks, by values that rounding does not tell apart."""
    order = np.argsort(values, kind="stable")
    steps = np.diff(values[order], prepend=values[order[:1]])
    size = np.max(np.abs(values), initial=0)
    ranks = np.empty(len(values), np.uint64)
    ranks[order] = np.cumsum(steps > 1e-12 * size).astype(np.uint64)
    return ranks


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: a bijection that looks random."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
