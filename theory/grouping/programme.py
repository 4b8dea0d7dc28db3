"""Groups by a mixed-integer programme, for sets that are listed and any costs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from theory.grouping.scores import TableScores

# HiGHS lets constraints miss by 1e-6 and stops 1e-6 from the optimum, both absolute, so
# that these units make it 1e-9 of the budget and 1e-10 of the largest score.
BUDGET, SCORE = 1e3, 1e4
# Of the budget: what rounding of sums of costs may add.
ROUNDING = 1e-9


class Programme(NamedTuple):
    """The rows that were chosen, None if nothing covers all; whether it is optimal."""

    rows: list[int] | None
    optimal: bool


def solve_programme(
    scores: TableScores,
    weights: Float[np.ndarray, " k"],
    number: int | None,
    costs: Float[np.ndarray, " n"] | None,
    budget: float | None,
) -> Programme:
    """Choose sets by HiGHS.

        max Σ w_j s(j, G) y_jG,   Σ_G y_jG = 1,   y_jG ≤ x_G ∈ {0, 1},   Σ_G x_G ≤ S,
        Σ_G c_G x_G ≤ b.

    For given `x` the best `y` are 0 or 1, so these need not be integers.
    """
    n, k = scores.members.shape
    rows, tasks = np.nonzero(scores.members)
    pairs = len(rows)
    unit = np.max(np.abs(scores.scores[rows, tasks] * weights[tasks])) or 1.0
    gain = SCORE / unit * weights[tasks] * scores.scores[rows, tasks]
    index = np.arange(pairs)
    served = sparse.csr_array((np.ones(pairs), (tasks, n + index)), (k, n + pairs))
    entries = np.r_[np.ones(pairs), -np.ones(pairs)]
    places = (np.r_[index, index], np.r_[n + index, rows])
    open_ = sparse.csr_array((entries, places), (pairs, n + pairs))
    limits = [
        LinearConstraint(served, 1, 1),
        LinearConstraint(open_, ub=0),
    ]
    for cost, most in ((np.ones(n), number), (costs, budget)):
        if cost is not None and most is not None:
            line = np.r_[BUDGET * cost / most, np.zeros(pairs)][None]
            limits.append(LinearConstraint(line, ub=BUDGET * (1 + ROUNDING)))
    done = milp(
        np.r_[np.zeros(n), -gain],
        integrality=np.r_[np.ones(n), np.zeros(pairs)],
        bounds=Bounds(0, 1),
        constraints=limits,
        options={"mip_rel_gap": 0},
    )
    if done.x is None:
        return Programme(None, done.status == 2)
    return Programme(np.flatnonzero(done.x[:n] > 0.5).tolist(), done.status == 0)
