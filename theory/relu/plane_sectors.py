r"""Sectors of the plane in which the same rows are active, cut into narrow parts.

A row `x` at angle `τ` is active for directions `b(t) = (cos t, sin t)` with
`|t − τ| < π/2`. Rows on one line through the origin switch together, so `L` lines, in
the order of angle in `[0, π)`, give breakpoints `z_⊥` and `−z_⊥` and `2L` sectors
between them. With `+` for rows in the upper half-plane and `−` for the others, the
active rows of sector `s < L`, which begins at breakpoint `s`, are

    (l, +) with l > s  and  (l, −) with l ≤ s,

and those of sector `L + s` are the others.

A part lies between directions `u` and `v`, scaled so that `v = u + ω u_⊥`, `ω > 0`, and

    b(σ) = (1 − σ) u + σ v,   x·b = (1 − σ) x·u + σ x·v.

Breakpoints are ends of parts only, so an active row has `x·u ≥ 0` and `x·v ≥ 0`, found
to a few `ε` of themselves, and hidden values are sums of positive terms: however narrow
the part is, no digit cancels. Their slopes are `x·δ = ω x·u_⊥`, and a row that is
active all through has `|x||u|ω ≤ 2(x·u + x·v)` for `ω ≤ tan(π/8)`, so these too are
good to a few `ε` of the larger of the hidden values at both ends.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.relu.plane_rows import Rows, inner, turned

# Widest part; `arctan2` and `ceil` may miss it by rounding.
WIDEST = np.pi / 8
# Tasks with more rows than this have their moments from sums over lines, where these
# lose no more than `1/THIN`.
FEW = 64
THIN = 1 / 16
# Entries of the largest array in sums over rows.
CHUNK = 2**21


class Sectors(NamedTuple):
    """Parts in the order of angle, and what the sectors' active rows are.

    `groups` counts the half-lines on which a task has active rows. `fixed` says that
    what a task explains is constant in the sector: it has one such half-line or none,
    or labels of zero there. `constant` is what it explains if on one half-line:
    `⟨ρ, y⟩²/‖ρ‖²`, `ρ` the rows' lengths, whatever the direction. `left` and `right`
    are the parts of it that task by task vanish at the sector's first breakpoint,
    coming from the sector before and from this one: all active rows become inactive.
    """

    u: Float[np.ndarray, "p 2"]
    v: Float[np.ndarray, "p 2"]
    omega: Float[np.ndarray, " p"]
    kappa: Float[np.ndarray, " p"]
    sector: Int[np.ndarray, " p"]
    groups: Int[np.ndarray, "k s"]
    fixed: Bool[np.ndarray, "k s"]
    constant: Float[np.ndarray, "k s"]
    left: Float[np.ndarray, "k s"]
    right: Float[np.ndarray, "k s"]

    def hidden(self, rows: Rows, own: slice, parts: NDArray) -> tuple[NDArray, ...]:
        """`x·u`, `x·v` and `x·δ`, zero for rows that are not active (rows x parts)."""
        active = rows.active(self.sector[parts], own)
        row, part = np.nonzero(active)
        z, some = rows.z[own][row], parts[part]
        low, high = np.zeros(active.shape), np.zeros(active.shape)
        low[active] = inner(z, self.u[some])
        high[active] = self.kappa[some] * inner(z, self.v[some])
        slope = self.omega[parts] * (rows.z[own] @ turned(self.u[parts]).T)
        return low, high, np.where(active, slope, 0)


class Moments(NamedTuple):
    """Of every task and part, with `a = X·u`, `c = X·v` and `d = X·δ` of active rows.

    `aa = ‖a‖²` and so on; `a_y = ⟨a, y⟩`. `span` is at least `‖d‖²`, and rounding in it
    is a share of that: `ω²|u|²Σ|x|²`, or twice the squares along two axes.
    All have the unit of hidden values in which the largest is about 1.
    """

    aa: Float[np.ndarray, "k p"]
    ac: Float[np.ndarray, "k p"]
    cc: Float[np.ndarray, "k p"]
    ad: Float[np.ndarray, "k p"]
    cd: Float[np.ndarray, "k p"]
    dd: Float[np.ndarray, "k p"]
    a_y: Float[np.ndarray, "k p"]
    c_y: Float[np.ndarray, "k p"]
    d_y: Float[np.ndarray, "k p"]
    span: Float[np.ndarray, "k p"]


def sectors_of(rows: Rows) -> Sectors:
    """Cut the circle, and see which tasks are constant where."""
    u, v, sector = _parts(rows)
    ahead = inner(u, v)
    groups, labelled, constant = _groups(rows)
    here, there = _on_lines(rows)
    leaving = np.concatenate([here, there], axis=1)
    entering = np.concatenate([there, here], axis=1)
    single = groups == 1
    before = np.roll(np.where(single, constant, 0), 1, axis=1)
    return Sectors(
        u=u,
        v=v,
        omega=inner(v, turned(u)) / ahead,
        kappa=np.sum(u**2, axis=1) / ahead,
        sector=sector,
        groups=groups,
        fixed=(groups <= 1) | ~labelled,
        constant=constant,
        left=np.where(leaving, before, 0),
        right=np.where(entering & single, constant, 0),
    )


def moments_of(rows: Rows, sectors: Sectors, parts: Int[np.ndarray, " p"]) -> Moments:
    """Moments in some parts, from sums over lines where these lose little."""
    found = np.zeros((len(Moments._fields), rows.tasks, len(parts)))
    for task in range(rows.tasks):
        own = rows.own(task)
        count = own.stop - own.start
        from_rows = np.ones(len(parts), bool)
        if count > FEW:
            found[:, task], from_rows = _from_lines(rows, sectors, task, parts)
        index = np.flatnonzero(from_rows)
        step = max(1, CHUNK // max(1, count))
        for first in range(0, len(index) if count else 0, step):
            some = index[first : first + step]
            found[:, task, some] = _from_rows(rows, sectors, own, parts[some])
    return Moments(*found)


def loss_of_precision(rows: Rows) -> Float[np.ndarray, " k"]:
    r"""`η_i`, what rounding may add to a task's moments, relative to their terms.

    `16 + m_i` times `ε`: hidden values and products are good to `16ε`, and `m_i` terms
    lose no more than `m_i ε` in any order of summation. Sums over lines of more than
    `FEW` rows are used where `‖a‖²` and `‖c‖²` are at least `THIN` of their terms, and
    `‖(1 − σ)a + σc‖²` misses no more, hence `2/THIN`.
    """
    count = np.diff(rows.start)
    error = (16 + count) * np.finfo(float).eps
    return np.where(count > FEW, 2 * error / THIN, error)


def _parts(rows: Rows) -> tuple[NDArray, NDArray, Int[np.ndarray, " p"]]:
    breaks = np.concatenate([turned(rows.lines), -turned(rows.lines)])
    after = np.roll(breaks, -1, axis=0)
    width = np.arctan2(inner(after, turned(breaks)), inner(after, breaks))
    # One line alone: half a turn, whose sign is a matter of signed zeros.
    width = np.abs(width)
    parts = np.maximum(np.ceil(width / WIDEST), 1).astype(np.int64)
    sector = np.repeat(np.arange(len(breaks)), parts)
    place = np.arange(len(sector)) - np.repeat(np.cumsum(parts) - parts, parts)
    angle = np.arctan2(breaks[:, 1], breaks[:, 0])[sector]
    angle = angle + width[sector] * (place / parts[sector])
    between = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    u = np.where((place == 0)[:, None], breaks[sector], between)
    return u, np.roll(u, -1, axis=0), sector


def _on_lines(rows: Rows) -> tuple[Bool[np.ndarray, "k l"], Bool[np.ndarray, "k l"]]:
    """Whether a task has rows on the upper and on the lower half of each line."""
    task = np.repeat(np.arange(rows.tasks), np.diff(rows.start))
    found = np.zeros((2, rows.tasks, len(rows.lines)), bool)
    found[np.where(rows.positive, 0, 1), task, rows.line] = True
    return found[0], found[1]


def _groups(rows: Rows) -> tuple[NDArray, NDArray, NDArray]:
    """Half-lines with active rows, whether a label is not zero, the constants."""
    task = np.repeat(np.arange(rows.tasks), np.diff(rows.start))
    length = np.hypot(*rows.z.T)
    labelled = (rows.y != 0).astype(float)
    sums = _over_sectors(
        rows, [labelled, length**2, length * rows.y], np.arange(rows.tasks), task
    )
    upper, lower = (half.astype(float) for half in _on_lines(rows))
    groups = np.rint(_joined(upper, lower)).astype(np.int64)
    single = (groups == 1) & (sums[1] > 0)
    constant = np.where(single, sums[2] ** 2 / np.where(single, sums[1], 1), 0)
    return groups, sums[0] > 0.5, constant


def _from_lines(
    rows: Rows, sectors: Sectors, task: int, parts: NDArray
) -> tuple[Float[np.ndarray, "10 p"], Bool[np.ndarray, " p"]]:
    """Moments from sums over lines, and in which parts these lose too much."""
    own = rows.own(task)
    z, y = rows.z[own], rows.y[own]
    # Along axes of their own, rows in a narrow cone are spread out.
    axes = np.linalg.eigh(z.T @ z)[1].T
    x = np.stack([inner(z, axes[:1]), inner(z, axes[1:])], axis=1)
    values = [x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2, x[:, 0] * y, x[:, 1] * y]
    zeros = np.zeros(len(y), np.int64)
    sums = _over_sectors(rows, values, zeros[:1], zeros, own)
    xx, xy, yy, first, second = sums[:, 0, sectors.sector[parts]]
    u = _along(axes, sectors.u[parts])
    v = sectors.kappa[parts] * _along(axes, sectors.v[parts])
    across = sectors.omega[parts] * _along(axes, turned(sectors.u[parts]))

    def form(left: NDArray, right: NDArray) -> NDArray:
        mixed = left[0] * right[1] + left[1] * right[0]
        return xx * left[0] * right[0] + xy * mixed + yy * left[1] * right[1]

    def size(b: NDArray) -> NDArray:
        return 2 * (xx * b[0] ** 2 + yy * b[1] ** 2)

    pairs = [(u, u), (u, v), (v, v), (u, across), (v, across), (across, across)]
    found = [form(*pair) for pair in pairs]
    found += [first * w[0] + second * w[1] for w in (u, v, across)]
    found.append(size(across))
    clear = (found[0] >= THIN * size(u)) & (found[2] >= THIN * size(v)) & (found[1] > 0)
    return np.stack(found), ~clear


def _along(
    axes: Float[np.ndarray, "2 2"], b: Float[np.ndarray, "p 2"]
) -> Float[np.ndarray, "2 p"]:
    """Coordinates `(s, t)` with `b = s axes[0] + t axes[1]`, to a few `ε` of each."""
    whole = inner(axes[1:], turned(axes[:1]))
    return np.stack([inner(axes[1:], turned(b)), inner(b, turned(axes[:1]))]) / whole


def _from_rows(
    rows: Rows, sectors: Sectors, own: slice, parts: NDArray
) -> Float[np.ndarray, "10 p"]:
    a, c, d = sectors.hidden(rows, own, parts)
    size = np.maximum(a, c).max(axis=0)
    power = -np.frexp(size)[1]
    a, c, d = (np.ldexp(h, power) for h in (a, c, d))
    y = rows.y[own, None]
    squares = np.sum(rows.z[own] ** 2, axis=1)
    active = rows.active(sectors.sector[parts], own)
    omega = np.ldexp(sectors.omega[parts], power)
    span = omega**2 * np.sum(sectors.u[parts] ** 2, axis=1) * (squares @ active)
    products = [a * a, a * c, c * c, a * d, c * d, d * d, a * y, c * y, d * y]
    return np.stack([*(np.sum(product, axis=0) for product in products), span])


def _over_sectors(
    rows: Rows,
    values: list[NDArray],
    tasks: NDArray,
    task: NDArray,
    own: slice = slice(None),
) -> Float[np.ndarray, "v k s"]:
    """Sums of values over the active rows of sectors."""
    lines, positive = len(rows.lines), rows.positive[own]
    at, shape = task * lines + rows.line[own], (len(values), len(tasks), lines)

    def by_line(keep: NDArray) -> NDArray:
        size = len(tasks) * lines
        sums = [np.bincount(at[keep], v[keep], minlength=size) for v in values]
        return np.stack(sums).astype(np.float64).reshape(shape)

    return _joined(by_line(positive), by_line(~positive))


def _joined(upper: NDArray, lower: NDArray) -> NDArray:
    """Sums over lines from both ends: nothing is taken away, so nothing cancels."""
    one = _after(upper) + np.cumsum(lower, axis=-1)
    other = np.cumsum(upper, axis=-1) + _after(lower)
    return np.concatenate([one, other], axis=-1)


def _after(by_line: NDArray) -> NDArray:
    """Sums over lines above l."""
    sums = np.cumsum(by_line[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([sums[..., 1:], np.zeros_like(sums[..., :1])], axis=-1)
