r"""Sectors of the plane in which the same rows of every task are active.

A row `x` at angle `τ` is active for directions `b(t) = (cos t, sin t)` with
`|t − τ| < π/2`. Rows on one line through the origin switch together, so the `L` lines,
at angles `λ_l` in `[0, π)` ascending, give breakpoints `λ_l + π/2` and `λ_l + 3π/2` and
`2L` sectors between them. With `+` for rows at `λ_l` and `−` for those at `λ_l + π`,
the active rows of sector `s < L`, which begins at breakpoint `s`, are

    (l, +) with l > s  and  (l, −) with l ≤ s,

and those of sector `L + s` are the others. Their moments are a sum from one end and one
from the other: nothing is ever taken away, so nothing cancels.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.tasks import Tasks

# Columns of `moments`: x_1², x_1x_2, x_2², x_1y, x_2y.
MOMENTS = 5
# Lines closer than this many ε, times the condition of the coordinates, are one.
MERGE = 8


class Rows(NamedTuple):
    """Rows that are not zero, by task, in coordinates in which they are spread out."""

    z: Float[np.ndarray, "n 2"]
    y: Float[np.ndarray, " n"]
    start: Int[np.ndarray, " k_plus_1"]
    line: Int[np.ndarray, " n"]
    positive: Bool[np.ndarray, " n"]
    # M: a direction b for these rows is B = M b for the inputs.
    to_direction: Float[np.ndarray, "2 2"]
    unseen: Float[np.ndarray, " k"]

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return len(self.unseen)

    def active(self, sector: Int[np.ndarray, " c"], lines: int) -> NDArray:
        """Whether a row is active in a sector (n x c)."""
        behind = self.line[:, None] <= sector % lines
        return (behind ^ self.positive[:, None]) ^ (sector >= lines)


class Sectors(NamedTuple):
    """Breakpoints, and of every task and sector the moments of its active rows.

    `groups` counts the half-lines on which a task has active rows. `constant` is what
    the task explains in the sector if that is one: `⟨ρ, y⟩²/‖ρ‖²`, `ρ` the rows'
    lengths along the half-line, whatever the direction. `leaving` and `entering` tell
    whether a task has rows that become inactive, active at the first breakpoint.
    """

    edges: Float[np.ndarray, " e"]
    moments: Float[np.ndarray, "k 5 s"]
    groups: Int[np.ndarray, "k s"]
    leaving: Bool[np.ndarray, "k s"]
    entering: Bool[np.ndarray, "k s"]
    constant: Float[np.ndarray, "k s"]

    @property
    def lines(self) -> int:
        """Number `L` of lines."""
        return len(self.edges) // 2


def gather(tasks: Tasks) -> tuple[Rows, Float[np.ndarray, " l"]]:
    """The rows that are not zero, and the angles of their lines, ascending.

    The problem is the same after `x → Mᵀx`, `B → M⁻¹B`. `M` scales the columns and then
    whitens the rows' directions, so that rows in a narrow cone are spread out.
    """
    x, y, mask = (np.asarray(f) for f in (tasks.covariates, tasks.labels, tasks.mask))
    used = mask & np.any(x != 0, axis=2)
    start = np.concatenate([[0], np.cumsum(np.sum(used, axis=1))])
    unseen = np.sum(np.where(mask & ~used, y, 0) ** 2, axis=1)
    rows = x[used].astype(np.float64)
    transform, condition = _spreading(rows)
    z = rows @ transform
    # A task's own scale goes into its head, so no task's squares underflow.
    task = np.repeat(np.arange(len(x)), np.diff(start))
    largest = np.zeros(len(x))
    np.maximum.at(largest, task, np.max(np.abs(z), axis=1))
    z /= np.where(largest > 0, largest, 1)[task, None]
    angle = np.arctan2(z[:, 1], z[:, 0]) % np.pi
    order = np.argsort(angle, kind="stable")
    ascending = angle[order]
    near = MERGE * np.finfo(float).eps * condition
    line = np.cumsum(np.diff(ascending, prepend=ascending[:1]) > near)
    lines, first = np.unique(line, return_index=True)
    angles = ascending[first]
    # Lines just below π and just above 0 are one.
    if len(lines) > 1 and ascending[0] + np.pi - ascending[-1] <= near:
        line = np.where(line == line[-1], 0, line)
        angles = angles[:-1]
    of_row = np.empty(len(z), np.int64)
    of_row[order] = line
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)[of_row]
    positive = np.sum(z * along, axis=1) > 0
    return Rows(z, y[used], start, of_row, positive, transform, unseen), angles


def sectors_of(rows: Rows, angles: Float[np.ndarray, " l"]) -> Sectors:
    """All sectors, by sums over lines from both ends."""
    lines, k = len(angles), rows.tasks
    task = np.repeat(np.arange(k), np.diff(rows.start))
    z, y = rows.z, rows.y
    values = [z[:, 0] ** 2, z[:, 0] * z[:, 1], z[:, 1] ** 2, z[:, 0] * y, z[:, 1] * y]
    values.append(np.ones_like(y))

    def by_line(keep: np.ndarray) -> np.ndarray:
        at = (task * lines + rows.line)[keep]
        sums = [np.bincount(at, v[keep], minlength=k * lines) for v in values]
        joined = np.stack(sums).astype(np.float64)
        return joined.reshape(MOMENTS + 1, k, lines).swapaxes(0, 1)

    plus, minus = by_line(rows.positive), by_line(~rows.positive)
    for half in (plus, minus):
        half[:, MOMENTS] = np.minimum(half[:, MOMENTS], 1)
    moments = np.concatenate(
        [_after(plus) + _until(minus), _until(plus) + _after(minus)], axis=2
    )
    here, there = plus[:, MOMENTS] > 0, minus[:, MOMENTS] > 0
    groups = np.rint(moments[:, MOMENTS]).astype(np.int64)
    trace = moments[:, 0] + moments[:, 2]
    single = (groups == 1) & (trace > 0)
    crossed = moments[:, 3] ** 2 + moments[:, 4] ** 2
    return Sectors(
        edges=np.concatenate([angles + np.pi / 2, angles + 3 * np.pi / 2]),
        moments=moments[:, :MOMENTS],
        groups=groups,
        leaving=np.concatenate([here, there], axis=1),
        entering=np.concatenate([there, here], axis=1),
        constant=np.where(single, crossed / np.where(single, trace, 1), 0),
    )


def _until(by_line: np.ndarray) -> np.ndarray:
    """Sums over lines 0..l."""
    return np.cumsum(by_line, axis=2)


def _after(by_line: np.ndarray) -> np.ndarray:
    """Sums over lines above l."""
    sums = np.cumsum(by_line[:, :, ::-1], axis=2)[:, :, ::-1]
    return np.concatenate([sums[:, :, 1:], np.zeros_like(sums[:, :, :1])], axis=2)


def _spreading(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """`M` and the condition of its second step."""
    size = np.max(np.abs(rows), axis=0, initial=0)
    scale = np.diag(1 / np.where(size > 0, size, 1))
    scaled = rows @ scale
    length = np.hypot(scaled[:, 0], scaled[:, 1])
    unit = scaled / np.where(length > 0, length, 1)[:, None]
    if len(unit) < 2:
        return scale, 1.0
    root = np.linalg.qr(unit, mode="r")
    root = root * np.where(np.diag(root) < 0, -1, 1)[:, None]
    value = np.linalg.svd(root, compute_uv=False)
    if value[1] <= MERGE * np.finfo(float).eps * value[0]:
        return scale, 1.0
    # An upper triangle with a positive diagonal: the order of angles is kept.
    inverse = np.linalg.inv(root / value[0])
    return scale @ inverse, float(value[0] / value[1])
