"""The bracket of two tasks against the optimum of the same floats in 50 digits."""

from collections.abc import Callable

import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from tests.strategies import statistics
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics


def tied(ratio: float, size: float, seed: int) -> TaskStatistics:
    """Two tasks alone worth 1 and `size²`, that share nothing; `λ/μ` is `ratio²`."""
    rng = np.random.default_rng(seed)
    left, basis = (
        np.linalg.qr(rng.normal(size=(9, 3)))[0],
        np.linalg.qr(rng.normal(size=(3, 3)))[0],
    )
    other = np.linalg.qr(rng.normal(size=(9, 3)))[0]
    first = left * np.array([1, 1, ratio]) @ basis.T
    return TaskStatistics.from_data(
        [first, other], [left[:, 2], size * (other @ basis[:, 0])]
    )


def hidden(scale: float, seed: int) -> TaskStatistics:
    """Column 0 of task 2 is so small that the pencil drops it, and y_2 needs it."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
    units = np.array([scale, 1, 1])
    return TaskStatistics.from_data(
        [first, second * units],
        [1e-4 * first @ rng.normal(size=3), second @ rng.normal(size=3)],
    )


EXACT = {
    "plain": statistics(0, 2, 3),
    "columns": statistics(1, 2, 3, "columns"),
    "split": statistics(2, 2, 3, "split"),
    "condition": statistics(3, 2, 3, "condition"),
    "tie at 0 and infinity": tied(1.0, 1.0, 0),
    "near tie": tied(1.0, 1 + 1e-12, 1),
    "ill-conditioned tie": tied(1e-5, 1 - 1e-9, 1),
    "ill-conditioned tie 2": tied(1e-4, 1 - 1e-9, 2),
    "ill-conditioned tie 3": tied(1e-6, 1 + 1e-9, 3),
    "hidden": hidden(1e-8, 0),
    "hidden deeper": hidden(1e-10, 1),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_bracket_holds_the_optimum_of_the_statistics_in_50_digits(name):
    found = shared_optimum(EXACT[name], 1)
    exact = exact_optimum(EXACT[name])
    assert mp.mpf(float(found.lower_bound)) <= exact
    assert exact <= mp.mpf(float(found.loss)) + mp.mpf(float(found.rounding))
    if name in ("plain", "columns", "tie at 0 and infinity", "near tie"):
        assert found.certified
    # What is certified is as close as it says.
    if found.certified:
        assert mp.mpf(float(found.loss)) - exact <= 1e-9 * float(
            jnp.sum(EXACT[name].energy)
        )


DIGITS = 50
# ratios of the heads: e^±60 spans all that 1/x_0 of 64-bit statistics can be.
RANGE = 60.0


def exact_optimum(statistics: TaskStatistics, points: int = 240) -> mp.mpf:
    """`Σ e_i − max_x F(x)` by a grid in `log|x|`, then golden section at its peaks."""
    with mp.workdps(DIGITS):
        objective, at_end = _objective(statistics)
        best = max(objective(mp.mpf(0)), at_end)
        logs = np.linspace(-RANGE, RANGE, points)
        for sign in (1, -1):
            values = [objective(sign * mp.exp(mp.mpf(log))) for log in logs]
            peaks = [
                i
                for i in range(1, points - 1)
                if values[i] >= values[i - 1] and values[i] >= values[i + 1]
            ]
            for i in sorted(peaks, key=lambda i: -values[i])[:2]:
                best = max(best, _golden(objective, sign, logs[i - 1], logs[i + 1]))
        return mp.fsum(float(e) for e in statistics.energy) - best


def _objective(
    statistics: TaskStatistics,
) -> tuple[Callable[[mp.mpf], mp.mpf], mp.mpf]:
    grams = [mp.matrix(np.asarray(g).tolist()) for g in statistics.gram]
    moments = [mp.matrix(np.asarray(g).tolist()) for g in statistics.moment]

    def value(first: mp.mpf, second: mp.mpf) -> mp.mpf:
        moment = first * moments[0] + second * moments[1]
        metric = first**2 * grams[0] + second**2 * grams[1]
        return (moment.T * mp.lu_solve(metric, moment))[0]

    return lambda x: value(mp.mpf(1), x), value(mp.mpf(0), mp.mpf(1))


def _golden(
    objective: Callable[[mp.mpf], mp.mpf], sign: int, low: float, high: float
) -> mp.mpf:
    share = (mp.sqrt(5) - 1) / 2
    a, b = mp.mpf(low), mp.mpf(high)
    for _ in range(70):
        c, d = b - share * (b - a), a + share * (b - a)
        if objective(sign * mp.exp(c)) > objective(sign * mp.exp(d)):
            b = d
        else:
            a = c
    return objective(sign * mp.exp((a + b) / 2))
