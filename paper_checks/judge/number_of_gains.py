"""How many of several tasks gain, with an interval over runs."""

import numpy as np
from jaxtyping import Float

from paper_checks.judge.measurement import Measurement
from paper_checks.judge.paired_tests import Overlap

# Quantiles of counts move by one in a hundred seeds or fewer.
DRAWS = 20_000


def number_of_gains(
    quantity: str,
    gains: Float[np.ndarray, "c n"],
    overlap: Overlap = 0.0,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Measurement:
    """Tasks whose mean gain is above 0, and how many it may be of the true gains.

    Of `n` runs with mean gains `m` and differences `D` from them, the true gains are

        μ = m + √(1/n + n_test/n_train) D w/√(n − 1) · √((n − 1)/χ²),

    `w` standard normal of `n` entries and `χ²` of `n − 1` degrees of freedom: given
    the runs, each `μ_i` is Student's, by the paired test of Nadeau and Bengio, and
    tasks move together as they do in the runs. The interval is that of the number of
    `μ_i > 0`. Tasks that gain nothing are counted half of the time, so that a count by
    chance, such as 8 of 15, has a wide one.

    Args:
        quantity: What it is.
        gains: Of each task, one a run.
        overlap: `n_test/n_train` of random splits, of all tasks or of each.
        confidence: Of the interval.
        seed: Of the draws.

    Raises:
        ValueError: Fewer than two runs.

    Source: derived here; posterior of a flat prior.
    """
    count, runs = gains.shape
    if runs < 2:
        raise ValueError(f"{quantity}: an interval over runs needs two, got {runs}")
    mean = gains.mean(axis=1)
    shared = np.broadcast_to(np.asarray(overlap, dtype=float), (count,))
    size = np.sqrt((1 / runs + shared) / (runs - 1))
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((DRAWS, runs))
    tail = np.sqrt((runs - 1) / rng.chisquare(runs - 1, (DRAWS, 1)))
    true = mean + tail * (normal @ (gains - mean[:, None]).T) * size
    numbers = np.sum(true > 0, axis=1)
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(numbers, ends, method="inverted_cdf")
    value = int(np.sum(mean > 0))
    return Measurement(
        quantity=quantity,
        value=float(value),
        low=float(min(low, value)),
        high=float(max(high, value)),
        interval=f"{100 * confidence:.4g} % of true gains, by runs",
        n=count,
    )
