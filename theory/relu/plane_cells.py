r"""What two tasks or more explain along a small arc, enclosed to second order.

In a sector `s_i = Σ y x` and `S_i = Σ xxᵀ` over the active rows are constant, and task
`i` explains `(s_iᵀb)²/(bᵀS_ib)`. On an arc around a centre `c`, with `b = c + τ c_⊥`,

    g(τ) = n²/D,  n = p + qτ,  D = A + 2Cτ + Eτ²,
    g'(τ) = 2 n m/D²,  m = u + wτ,  u = qA − pC,  w = qC − pE,
    g''(τ) = 2 N/D³,  N = N_0 + N_1τ + N_2τ² + N_3τ³,
    N_0 = vA − 4puC,  N_1 = 2qwA − 2vC − 4puE,  N_2 = −3vE,  N_3 = −2qwE,  v = qu + pw.

Over `|τ| ≤ T` the cubic lies within `N_0 ± (|N_1|T + |N_2|T² + |N_3|T³)` and `D`, being
convex, between values that are known; so `G'' = Σ α_i g_i''` is enclosed, and `G'` by
its value at the centre and that enclosure (mean value theorem). An arc on which `G'`
has one sign has no stationary point, and one on which `G''` has one sign has at most
one, which the signs of `G'` at its ends decide. No stationary point is missed.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from theory.relu.plane_sectors import Rows, Sectors

Values = Float[np.ndarray, " c"]
# Where BᵀSB is below this share of tr S somewhere on an arc, moments are summed anew in
# the arc's own frame: turning them would lose that many digits.
THIN = 1e-3
# Entries of the largest array while doing so.
CHUNK = 2**21
# Rounding in sums and in a few dozen operations, in units of ε times their terms.
ROUNDING = 64


class Arcs(NamedTuple):
    """Arcs of sectors: which one, and from where to where."""

    sector: Int[np.ndarray, " c"]
    low: Values
    high: Values

    @property
    def centre(self) -> Values:
        """Middle angle."""
        return (self.low + self.high) / 2

    @property
    def reach(self) -> Values:
        """`T`, the tangent of half the arc."""
        return np.tan((self.high - self.low) / 2)

    def take(self, index: NDArray) -> "Arcs":
        """Some of the arcs."""
        return Arcs(*(field[index] for field in self))


class Terms(NamedTuple):
    """`A, C, E, p, q` of every task and arc, scaled so that `A + E = 1`."""

    a: Float[np.ndarray, "k c"]
    c: Float[np.ndarray, "k c"]
    e: Float[np.ndarray, "k c"]
    p: Float[np.ndarray, "k c"]
    q: Float[np.ndarray, "k c"]

    def take(self, index: NDArray) -> "Terms":
        """Those of some of the arcs."""
        return Terms(*(field[:, index] for field in self))

    def slopes(self, tau: Values, weights: NDArray) -> Values:
        """`G'(τ)`, one `τ` an arc."""
        n = self.p + self.q * tau
        u, w = self.q * self.a - self.p * self.c, self.q * self.c - self.p * self.e
        d = self.a + 2 * self.c * tau + self.e * tau**2
        return 2 * weights @ (n * (u + w * tau) / np.where(d > 0, d, 1) ** 2)


class Enclosure(NamedTuple):
    """`G'` at the centre, how far it can move from it, and bounds on `G''`."""

    slope: Values
    radius: Values
    low: Values
    high: Values


def terms_of(rows: Rows, sectors: Sectors, arcs: Arcs) -> Terms:
    """Moments in the arcs' frames; zero for tasks that explain a constant."""
    s = sectors.moments[:, :, arcs.sector]
    frame = _frame(arcs)
    moments = _turned(s, frame)
    varies = sectors.groups[:, arcs.sector] > 1
    least = _least(moments[0], moments[1], moments[2], arcs.reach)
    thin = varies & (least < THIN * (s[:, 0] + s[:, 2]))
    anew = np.flatnonzero(thin.any(axis=0))
    step = max(1, CHUNK // max(1, len(rows.y)))
    for first in range(0, len(anew), step):
        some = anew[first : first + step]
        moments[:, :, some] = _from_rows(rows, sectors, arcs.take(some))
    trace = moments[0] + moments[2]
    varies &= trace > 0
    size = np.where(varies, trace, 1)
    a, c, e = np.where(varies, moments[:3] / size, 0)
    p, q = np.where(varies, moments[3:] / np.sqrt(size), 0)
    return Terms(np.where(varies, a, 1), c, e, p, q)


def enclose(terms: Terms, reach: Values, weights: NDArray) -> Enclosure:
    """Enclose `G'` and `G''` over `|τ| ≤ T`."""
    a, c, e, p, q = terms
    u, w = q * a - p * c, q * c - p * e
    v, uv, ww = q * u + p * w, p * u, q * w
    t = reach
    centre = v * a - 4 * uv * c
    spread = np.abs(2 * ww * a - 2 * v * c - 4 * uv * e) * t
    spread += np.abs(3 * v * e) * t**2 + np.abs(2 * ww * e) * t**3
    # The same with every term positive: what rounding is a share of.
    p, q, c = np.abs(p), np.abs(q), np.abs(c)
    u, w = q * a + p * c, q * c + p * e
    v, uv, ww = q * u + p * w, p * u, q * w
    slack = ROUNDING * np.finfo(float).eps
    spread += slack * (v * a + 4 * uv * c + t * (2 * ww * a + 2 * v * c + 4 * uv * e))
    most = np.maximum(a + 2 * c * t + e * t**2, 0)
    # Where D is small beside its terms, rounding is a large share of it.
    least = _least(terms.a, terms.c, e, t) - slack * most
    least = np.maximum(least, slack**2 * most)
    low, high = centre - spread, centre + spread
    low = 2 * weights @ (low / np.where(low < 0, least, most) ** 3)
    high = 2 * weights @ (high / np.where(high > 0, least, most) ** 3)
    slope = terms.slopes(np.zeros_like(t), weights)
    radius = t * np.maximum(np.abs(low), np.abs(high))
    radius += slack * 2 * weights @ (uv / a**2)
    return Enclosure(slope, radius, low, high)


def _least(a: NDArray, c: NDArray, e: NDArray, reach: Values) -> NDArray:
    """Least `A + 2Cτ + Eτ²` over `|τ| ≤ T`."""
    at = np.clip(-c / np.where(e > 0, e, 1), -reach, reach)
    at = np.where(e > 0, at, -np.sign(c) * reach)
    return a + 2 * c * at + e * at**2


def _frame(arcs: Arcs) -> tuple[Values, Values]:
    return np.cos(arcs.centre), np.sin(arcs.centre)


def _turned(
    moments: Float[np.ndarray, "k 5 c"], frame: tuple[Values, Values]
) -> Float[np.ndarray, "5 k c"]:
    x, y = frame
    xx, xy, yy, first, second = (moments[:, j] for j in range(5))
    return np.stack(
        [
            xx * x**2 + 2 * xy * x * y + yy * y**2,
            (yy - xx) * x * y + xy * (x**2 - y**2),
            xx * y**2 - 2 * xy * x * y + yy * x**2,
            first * x + second * y,
            second * x - first * y,
        ]
    )


def _from_rows(rows: Rows, sectors: Sectors, arcs: Arcs) -> Float[np.ndarray, "5 k c"]:
    x, y = _frame(arcs)
    active = rows.active(arcs.sector, sectors.lines)
    along = np.where(active, rows.z[:, :1] * x + rows.z[:, 1:] * y, 0)
    across = np.where(active, rows.z[:, 1:] * x - rows.z[:, :1] * y, 0)
    label = rows.y[:, None]
    found = np.zeros((5, rows.tasks, len(x)))
    for task in range(rows.tasks):
        own = slice(rows.start[task], rows.start[task + 1])
        a, b = along[own], across[own]
        found[0, task] = np.sum(a**2, axis=0)
        found[1, task] = np.sum(a * b, axis=0)
        found[2, task] = np.sum(b**2, axis=0)
        found[3, task] = np.sum(label[own] * a, axis=0)
        found[4, task] = np.sum(label[own] * b, axis=0)
    return found
