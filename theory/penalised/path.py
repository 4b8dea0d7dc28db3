"""Optima along a path of strengths, and where it starts."""

import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_array
from theory.penalised.optimum import penalised_optimum
from theory.penalised.penalty import Penalty
from theory.penalised.result import PenalisedOptimum
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics


def largest_strength(
    statistics: TaskStatistics, penalty: Penalty, weights: ArrayLike | None = None
) -> Float[Array, ""]:
    """The least strength at which `W = 0` is optimal.

    For a norm `λΩ_1` it is `Ω_1°(V)` with `v_i = α_ig_i`, the slope at zero; the ridge
    has none there. For half a squared norm it is infinite, unless all `g_i` are zero.

    Args:
        statistics: The tasks.
        penalty: Its own strength does not count; of several, their ratios do.
        weights: `α_i`, ones by default.

    Raises:
        ValueError: Bad statistics or weights.

    Source: derived here.
    """
    check_statistics(statistics)
    alpha = check_weights(weights, statistics)
    return penalty.least_zero(alpha[:, None] * statistics.moment)


def path(
    statistics: TaskStatistics,
    penalty: Penalty,
    strengths: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    tolerance: float = 1e-13,
) -> list[PenalisedOptimum]:
    """One optimum a strength, in the order given.

    They are found from the largest strength down, each from the one before.

    Args:
        statistics: The tasks.
        penalty: Any one of the path; of several strengths, the ratios stay.
        strengths: What `largest_strength` is measured in.
        weights: `α_i`, ones by default.
        tolerance: As for `penalised_optimum`.

    Raises:
        ValueError: As `penalised_optimum`.
    """
    known = np.asarray(check_array("strengths", strengths, "n", "finite and >= 0"))
    found: dict[int, PenalisedOptimum] = {}
    start = None
    for place in np.argsort(-known, kind="stable"):
        here = penalised_optimum(
            statistics,
            penalty.at(float(known[place])),
            weights,
            tolerance=tolerance,
            start=start,
        )
        found[int(place)], start = here, here.parameters
    return [found[place] for place in range(len(known))]
