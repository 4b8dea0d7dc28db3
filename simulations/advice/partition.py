"""Groups of tasks by average linkage."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import AgglomerativeClustering


def gain_groups(gain: Float[np.ndarray, "k k"]) -> Int[np.ndarray, " k"]:
    """Join tasks while pooling gains on average (average linkage), both ways.

    Args:
        gain: Source by target.
    """
    both = np.nan_to_num((gain + gain.T) / 2, nan=-1.0)
    distance = np.maximum(1 - both, 0)
    np.fill_diagonal(distance, 0)
    return partition(distance)


def partition(distance: Float[np.ndarray, "k k"]) -> Int[np.ndarray, " k"]:
    """Join by average linkage below 1; groups are numbered by their first task."""
    # The type of n_clusters leaves out the None that its documentation asks for.
    no_number: Any = None
    found = AgglomerativeClustering(
        n_clusters=no_number,
        metric="precomputed",
        linkage="average",
        distance_threshold=1.0,
    ).fit(distance)
    _, first, place = np.unique(found.labels_, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place]
