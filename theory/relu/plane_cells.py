r"""What two tasks or more explain along a small arc, enclosed to second order.

In a part of a sector, with `b(σ) = (1 − σ)u + σv`, task `i` explains
`⟨h, y⟩²/‖h‖²`, `h = (1 − σ)a + σc`. An arc has `|σ − σ_0| ≤ T`, and `σ = σ_0 + τ`:

    g(τ) = n²/D,  n = p + qτ,  D = A + 2Cτ + Eτ²,
    g'(τ) = 2 n m/D²,  m = u + wτ,  u = qA − pC,  w = qC − pE,
    g''(τ) = 2 N/D³,  N = N_0 + N_1τ + N_2τ² + N_3τ³,
    N_0 = vA − 4puC,  N_1 = 2qwA − 2vC − 4puE,  N_2 = −3vE,  N_3 = −2qwE,  v = qu + pw.

Over `|τ| ≤ T` the cubic is within `N_0 ± (|N_1|T + |N_2|T² + |N_3|T³)`. `D` is convex,
so at most its larger end value and at least `1 − 2|C|T` (with `A = 1`), and hidden
values are not negative, so `D ≥ D_low D_high/(D_low + D_high)`. So `G'' = Σ α_i g_i''`
is enclosed, and `G'` by its value at the centre and that enclosure (mean value
theorem). An arc on which `G'` has one sign has its largest value at an end, and so has
one on which `G''` is positive; where `G''` is negative there is one maximum, at an end
or where `G'` vanishes.

**Rounding.** Units are chosen with `A = 1`. Let `η` bound what moments miss, relative
to their terms, and `P = √e`, `S = √Ê`, `Ê ≥ E` the span: then `|p| ≤ P`, `|C| ≤ S`,
`|q| ≤ PS`, and these miss at most `ηP`, `ηS`, `ηPS`. Hence `|u| ≤ 2PS`,
`|w| ≤ 2PS²`, `|v| ≤ 4P²S²`, and the coefficients of `N` are at most 12, 20, 12 and 4
times `P²S²`, `P²S³`, `P²S⁴` and `P²S⁵`. Each is a sum of products of five factors or
fewer, that miss `η`, so it misses at most `8η` times that; and so does `nm`, at most
`2P²S(1 + Sτ)²`.

Derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from theory.relu.plane_sectors import Moments

Values = Float[np.ndarray, " c"]
# What a product of five factors may miss, in units of what each of them may.
ROUNDING = 8


class Arcs(NamedTuple):
    """Arcs of parts: `σ` from `low` to `high`, counted from `v` where `from_v`.

    Both are at most 1/2, and close to 0 floats tell them apart to any depth.
    """

    part: Int[np.ndarray, " c"]
    from_v: Bool[np.ndarray, " c"]
    low: Values
    high: Values

    @property
    def centre(self) -> Values:
        """`σ_0`, the middle."""
        return (self.low + self.high) / 2

    @property
    def reach(self) -> Values:
        """`T`, half the length."""
        return (self.high - self.low) / 2

    def take(self, index: NDArray) -> "Arcs":
        """Some of the arcs."""
        return Arcs(*(field[index] for field in self))


class Terms(NamedTuple):
    """`C, E, p, q` and `Ê` of every task and arc in the unit with `A = 1`.

    `ends` are `D` at both ends, found without cancelling. `weight` is `α_i`, 0 for a
    task that explains a constant; `energy` and `missed` are `e_i` and `η_i`.
    """

    c: Float[np.ndarray, "k c"]
    e: Float[np.ndarray, "k c"]
    p: Float[np.ndarray, "k c"]
    q: Float[np.ndarray, "k c"]
    span: Float[np.ndarray, "k c"]
    ends: Float[np.ndarray, "2 k c"]
    weight: Float[np.ndarray, "k c"]
    energy: Float[np.ndarray, "k 1"]
    missed: Float[np.ndarray, "k 1"]

    def slopes(self, tau: NDArray) -> NDArray:
        """`G'(τ)`, one `τ` an arc."""
        n = self.p + self.q * tau
        u, w = self.q - self.p * self.c, self.q * self.c - self.p * self.e
        d = np.maximum(1 + 2 * self.c * tau + self.e * tau**2, self.least)
        return 2 * np.sum(self.weight * n * (u + w * tau) / d**2, axis=0)

    def room(self, tau: NDArray) -> NDArray:
        """What `slopes` may miss by rounding."""
        d = np.maximum(1 + 2 * self.c * tau + self.e * tau**2, self.least)
        span = np.sqrt(self.span)
        size = (1 + span * np.abs(tau)) ** 2
        # D misses η(1 + S|τ|)², which is a large share of it where it dips.
        share = self.missed * (1 + size / d)
        room = ROUNDING * share * 2 * self.energy * span * size / d**2
        return 2 * np.sum(self.weight * room, axis=0)

    @property
    def least(self) -> Float[np.ndarray, "k c"]:
        """`D_low D_high/(D_low + D_high)`, a little less for its rounding."""
        low, high = self.ends
        return low / (low + high) * high * (1 - ROUNDING * self.missed)


class Enclosure(NamedTuple):
    """`G'` at the centre, how far it can move from it, and bounds on `G''`."""

    slope: Values
    radius: Values
    low: Values
    high: Values


def terms_of(
    moments: Moments,
    arcs: Arcs,
    weight: Float[np.ndarray, "k c"],
    energy: Float[np.ndarray, " k"],
    missed: Float[np.ndarray, " k"],
) -> Terms:
    """Moments at the arcs' centres. Tasks of weight 0 may have none."""
    m = Moments(*(field[:, arcs.part] for field in moments))
    swap, sign = arcs.from_v, np.where(arcs.from_v, -1.0, 1.0)
    aa, cc = np.where(swap, m.cc, m.aa), np.where(swap, m.aa, m.cc)
    ad, cd = np.where(swap, m.cd, m.ad), np.where(swap, m.ad, m.cd)
    a_y, c_y = np.where(swap, m.c_y, m.a_y), np.where(swap, m.a_y, m.c_y)

    def square(at: Values) -> NDArray:
        return (1 - at) ** 2 * aa + 2 * at * (1 - at) * m.ac + at**2 * cc

    at, used = arcs.centre, weight > 0
    size = np.where(used, square(at), 1)
    root = np.sqrt(size)
    ends = np.stack([square(arcs.low), square(arcs.high)])
    c = sign * ((1 - at) * ad + at * cd) / size
    p, q = ((1 - at) * a_y + at * c_y) / root, sign * m.d_y / root
    c, e, p, q, span = (
        np.where(used, f, 0) for f in (c, m.dd / size, p, q, m.span / size)
    )
    ends = np.where(used, ends / size, 1)
    return Terms(c, e, p, q, span, ends, weight, energy[:, None], missed[:, None])


def enclose(terms: Terms, reach: Values) -> Enclosure:
    """Enclose `G'` and `G''` over `|τ| ≤ T`, rounding included."""
    c, e, p, q = terms.c, terms.e, terms.p, terms.q
    u, w = q - p * c, q * c - p * e
    v, t = q * u + p * w, reach
    centre = v - 4 * p * u * c
    spread = np.abs(2 * q * w - 2 * v * c - 4 * p * u * e) * t
    spread += np.abs(3 * v * e) * t**2 + np.abs(2 * q * w * e) * t**3
    x = np.sqrt(terms.span) * t
    slack = ROUNDING * terms.missed * terms.energy
    spread += slack * terms.span * (12 + 20 * x + 12 * x**2 + 4 * x**3)
    # The tangent at the centre is the better bound on short arcs.
    tangent = 1 - 2 * np.abs(c) * t - ROUNDING * terms.missed * (1 + x) ** 2
    least = np.maximum(terms.least, tangent)
    most = np.max(terms.ends, axis=0) * (1 + ROUNDING * terms.missed)
    low, high = centre - spread, centre + spread
    low = low / np.where(low < 0, least, most) ** 3
    high = high / np.where(high > 0, least, most) ** 3
    low, high = (2 * np.sum(terms.weight * bound, axis=0) for bound in (low, high))
    none = np.zeros_like(t)
    radius = t * np.maximum(np.abs(low), np.abs(high)) + terms.room(none)
    return Enclosure(terms.slopes(none), radius, low, high)
