"""Branch and bound on ratios of heads, where skew multipliers leave a gap."""

import heapq
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from theory.linear.result import GAP
from theory.linear.skew_ascent import CLOSED, ascend
from theory.linear.skew_blocks import Cell
from theory.linear.skew_bound import Scaled, reorder, scale, to_data
from theory.linear.skew_dual import SkewDual, proved_bound
from theory.linear.skew_module import settle
from theory.tasks import TaskStatistics

# Cells that are bounded at most, the roots included.
CELLS = 60
# Share of the allowed gap that cells may use up; rounding has the rest.
USED = 0.1


class Branched(NamedTuple):
    """The best module found, a lower bound for all modules, and the cells it took."""

    module: Float[Array, " d"]
    lower_bound: float
    cells: int


class _Box(NamedTuple):
    """Ratios of the other heads to the pivot's."""

    low: np.ndarray
    high: np.ndarray

    def halves(self) -> "tuple[_Box, _Box]":
        """Split where it is widest; ends are exact in binary."""
        widest = int(np.argmax(self.high - self.low))
        below, above = self.high.copy(), self.low.copy()
        below[widest] = above[widest] = (self.low[widest] + self.high[widest]) / 2
        return _Box(self.low, below), _Box(above, self.high)


class _Bounded(NamedTuple):
    module: Float[Array, " d"]
    lower_bound: Float[Array, ""]
    loss: Float[Array, ""]
    closed: Bool[Array, ""]


def branch(
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    root: SkewDual,
    *,
    cells: int = CELLS,
) -> Branched:
    """Close the gap of the skew dual, as far as a number of cells does.

    One task has the largest head in absolute value, after tasks are scaled to one
    size. So the cells `|a_j| ≤ |a_p|`, one for each pivot `p`, hold every module with
    its heads. Within a cell `l_j ≤ a_j/a_p ≤ u_j` the multipliers `Z_j ⪰ 0` of
    `theory.linear.skew_blocks.Cell` sharpen the bound. The cell with the least bound
    is halved, where it is widest, until no cell allows a loss below the best module's
    but for a tenth of what a certificate allows. A cell whose multipliers leave no gap
    but rounding is not halved. The least bound of all cells is one for all modules; so
    is the root's.

    Args:
        statistics: The tasks.
        weights: `α_i > 0`.
        root: The skew dual of these tasks.
        cells: How many cells are bounded at most.

    Source: derived here.
    """
    k = statistics.count
    scaled = scale(statistics, weights)
    best, module = float(root.loss), root.shared[:, 0]
    energy = float(jnp.sum(weights * statistics.energy))
    queue: list[tuple[float, int, int, _Box]] = []
    settled, count = np.inf, 0
    fresh = [(pivot, _Box(-np.ones(k - 1), np.ones(k - 1))) for pivot in range(k)]
    while fresh:
        for pivot, box in fresh:
            cell = Cell(jnp.asarray(box.low), jnp.asarray(box.high))
            target = (energy - best) / scaled.explained
            found = _bound_cell(scaled, statistics, weights, pivot, cell, target)
            count += 1
            if float(found.loss) < best:
                best, module = float(found.loss), found.module
            if found.closed:
                settled = min(settled, float(found.lower_bound))
            else:
                heapq.heappush(queue, (float(found.lower_bound), count, pivot, box))
        fresh = []
        allowed = best - USED * GAP * (energy - best)
        if queue and queue[0][0] < allowed and count + 2 <= cells:
            _, _, pivot, box = heapq.heappop(queue)
            fresh = [(pivot, half) for half in box.halves()]
    least = min(settled, queue[0][0]) if queue else settled
    return Branched(module, max(least, float(root.lower_bound)), count)


@jax.jit
def _bound_cell(
    scaled: Scaled,
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    pivot: Int[Array, ""] | int,
    cell: Cell,
    target: Float[Array, ""],
) -> _Bounded:
    """Bound one cell; the pivot is moved to the front of the tasks."""
    k = statistics.count
    others = jnp.arange(k - 1)
    order = jnp.concatenate([jnp.array([pivot]), others + (others >= pivot)])
    own = reorder(scaled, order)
    tasks = jax.tree.map(lambda leaf: leaf[order], statistics)
    found = ascend(own.gram, own.moment, cell, target)
    module = settle(own.gram, own.moment, found.module)
    module = to_data(own, module)
    _, proved = proved_bound(own, found.entries, tasks, weights[order], module, cell)
    closed = found.gap <= CLOSED
    return _Bounded(module, proved.lower_bound, proved.loss, closed)
