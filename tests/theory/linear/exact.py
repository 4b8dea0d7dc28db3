"""The two-task optimum of the statistics as they are, in 50 digits."""

from collections.abc import Callable

import mpmath as mp
import numpy as np

from theory.tasks import TaskStatistics

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
