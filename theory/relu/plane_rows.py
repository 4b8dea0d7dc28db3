r"""Rows of tasks with two inputs, their lines in exact order, and their products.

Units of columns do not matter: `X_i B = (X_i D)(D⁻¹B)` for every diagonal `D`, so with
`D⁻¹B` in the place of `B` all losses are the same. The tasks share `B`, so one `D`
serves all of them: columns are scaled jointly, and each task by a factor that its head
absorbs. All factors are powers of two, so nothing is rounded.

Breakpoints are the directions `±z_⊥` orthogonal to a row. Their order is decided by the
signs of determinants `det(z, x) = z_1x_2 − z_2x_1`, which `inner` gives with the right
sign and a relative error of `2ε`, however close the rows are: lines are merged where
the determinant is zero, and nowhere else.

Derived here; the products are Dekker's (Numer. Math. 18, 1971).
"""

from fractions import Fraction
from functools import cmp_to_key
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.tasks import Tasks

# Splits a float into halves whose products are exact.
SPLITTER = 2.0**27 + 1
# Cancellation beyond which a sum of two exact products is done in rationals. The
# products' errors, 2⁻¹⁰⁶ of them, are then no more than ε/16 of their difference.
CANCELLED = 2.0**-50
# Angles from arctan2 that differ by less than this many ε may be in the wrong order.
UNSURE = 32
# Entries smaller than this share of their column's largest are refused: determinants of
# rows and their squares would leave the range of floats.
LEAST = 2.0**-200


class Rows(NamedTuple):
    """Rows that are not zero, by task, scaled by powers of two.

    `z = 2^(−t_i) x 2^(−c)`: `task_power` has `t_i`, `column_power` has `c`. A direction
    `b` for `z` is `B = 2^(−c) b` for the inputs. `lines` has one row of each line,
    turned into the upper half-plane, in the order of angle.
    """

    z: Float[np.ndarray, "n 2"]
    y: Float[np.ndarray, " n"]
    start: Int[np.ndarray, " k_plus_1"]
    line: Int[np.ndarray, " n"]
    positive: Bool[np.ndarray, " n"]
    lines: Float[np.ndarray, "l 2"]
    task_power: Int[np.ndarray, " k"]
    column_power: Int[np.ndarray, " 2"]
    unseen: Float[np.ndarray, " k"]

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return len(self.unseen)

    def own(self, task: int) -> slice:
        """Rows of a task."""
        return slice(self.start[task], self.start[task + 1])

    def active(self, sector: Int[np.ndarray, " c"], own: slice) -> NDArray:
        """Whether rows are active in sectors (rows x c)."""
        count = len(self.lines)
        behind = self.line[own, None] <= sector % count
        return (behind ^ self.positive[own, None]) ^ (sector >= count)


def gather(tasks: Tasks) -> Rows:
    """The rows that are not zero, and their lines.

    Raises:
        ValueError: An entry is so much smaller than its column's largest that products
            underflow. The message names task, column and value.
    """
    x, y, mask = (np.asarray(f) for f in (tasks.covariates, tasks.labels, tasks.mask))
    x, y = x.astype(np.float64), y.astype(np.float64)
    used = mask & np.any(x != 0, axis=2)
    start = np.concatenate([[0], np.cumsum(np.sum(used, axis=1))])
    unseen = np.sum(np.where(mask & ~used, y, 0) ** 2, axis=1)
    # Tasks first, so that one in small units does not look small in every column.
    by_task = _power(np.max(np.abs(x), axis=(1, 2), initial=0))
    z = np.ldexp(x, -by_task[:, None, None])
    by_column = _power(np.max(np.abs(z), axis=(0, 1), initial=0))
    z = np.ldexp(z, -by_column)
    rest = _power(np.max(np.abs(z), axis=(1, 2), initial=0))
    z = np.ldexp(z, -rest[:, None, None])
    for task, row, column in np.argwhere((x != 0) & (np.abs(z) < LEAST)):
        raise ValueError(
            f"task {task}: covariates have {x[task, row, column]:g} in row {row}, "
            f"column {column}, less than {LEAST:.0e} of the column's largest, with "
            "every task scaled to size 1: that is out of range"
        )
    z = z[used]
    below = (z[:, 1] < 0) | ((z[:, 1] == 0) & (z[:, 0] < 0))
    line, lines = _lines(np.where(below[:, None], -z, z))
    return Rows(
        z, y[used], start, line, ~below, lines, by_task + rest, by_column, unseen
    )


def inner(
    x: Float[np.ndarray, "*x 2"], b: Float[np.ndarray, "*b 2"]
) -> Float[np.ndarray, "..."]:
    """`x_1b_1 + x_2b_2`, shapes broadcast, to a relative error of `2ε`.

    `p + e` and `q + f` are the products, exactly. Where `p = −q` the sum is `e + f`,
    rounded once. Elsewhere `p + q` is exact or far from cancelling, and the rounding of
    `e + f` is below `2⁻¹⁰⁵(|p| + |q|)`; sums that small are done in rationals.
    """
    p, e = _product(x[..., 0], b[..., 0])
    q, f = _product(x[..., 1], b[..., 1])
    total = np.asarray((p + q) + (e + f))
    small = (p != -q) & (np.abs(total) <= CANCELLED * (np.abs(p) + np.abs(q)))
    if small.any():
        left, right = (np.broadcast_to(v, (*total.shape, 2))[small] for v in (x, b))
        total[small] = [_exactly(*pair) for pair in zip(left, right, strict=True)]
    return total


def turned(x: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
    """`x_⊥ = (−x_2, x_1)`."""
    return np.stack([-x[..., 1], x[..., 0]], axis=-1)


def _power(size: NDArray) -> NDArray:
    """`n` with `size` in `[2^(n−1), 2^n)`, 0 for zero."""
    return np.frexp(size)[1]


def _product(a: NDArray, b: NDArray) -> tuple[NDArray, NDArray]:
    """The product and its rounding error."""
    a_high, b_high = (v * SPLITTER - (v * SPLITTER - v) for v in (a, b))
    a_low, b_low = a - a_high, b - b_high
    product = a * b
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + (
        a_low * b_low
    )
    return product, error


def _exactly(x: NDArray, b: NDArray) -> float:
    x_1, x_2, b_1, b_2 = (Fraction(float(v)) for v in (*x, *b))
    return float(x_1 * b_1 + x_2 * b_2)


def _lines(
    upper: Float[np.ndarray, "n 2"],
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "l 2"]]:
    """Number of every row's line in the order of angle, and a row of each line."""
    angle = np.arctan2(upper[:, 1], upper[:, 0])
    order = np.argsort(angle, kind="stable")
    near = np.diff(angle[order]) <= UNSURE * np.finfo(float).eps
    turn = inner(upper[order[1:]], turned(upper[order[:-1]]))
    # In a half-plane, rows whose neighbours are in order are all in order.
    for first, last in _runs(near):
        if np.any(turn[first:last] < 0):

            def by_turn(i: int, j: int) -> int:
                return _beyond(upper[i], upper[j])

            order[first : last + 1] = sorted(
                order[first : last + 1].tolist(), key=cmp_to_key(by_turn)
            )
    turn = inner(upper[order[1:]], turned(upper[order[:-1]]))
    line = np.empty(len(upper), np.int64)
    line[order] = np.concatenate([[0], np.cumsum(turn > 0)])[: len(upper)]
    first = np.concatenate([[True], turn > 0])[: len(upper)]
    return line, upper[order[first]]


def _runs(near: Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """First and last place of every run."""
    edges = np.flatnonzero(np.diff(near.astype(int), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _beyond(row: NDArray, other: NDArray) -> int:
    """1 for a row at a larger angle than the other, −1 at a smaller one, else 0."""
    return int(np.sign(inner(row[None], turned(other[None]))[0]))
