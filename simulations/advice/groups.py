"""Groups of tasks that are estimated to help each other."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import AgglomerativeClustering


def gain_groups(gain: Float[np.ndarray, "k k"]) -> Int[np.ndarray, " k"]:
    """Groups whose mean mutual gain is positive, numbered from 0 by their first task.

    Of a pair, the smaller of the two relative gains counts, at least −1. Groups are
    joined, best first, while the mean over the pairs between them is above 0 (average
    linkage).

    Args:
        gain: Relative gain of each target (column) from each source (row).
    """
    mutual = np.clip(np.minimum(gain, gain.T), -1, 1)
    np.fill_diagonal(mutual, 0)
    top = float(mutual.max())
    if top <= 0:
        return np.arange(len(gain))
    # The type of n_clusters leaves out the None that its documentation asks for.
    no_number: Any = None
    clusters = AgglomerativeClustering(
        n_clusters=no_number,
        metric="precomputed",
        linkage="average",
        distance_threshold=top,
    ).fit(top - mutual + np.diag(np.full(len(gain), -top)))
    _, first, place = np.unique(
        clusters.labels_, return_index=True, return_inverse=True
    )
    return np.argsort(np.argsort(first))[place]
