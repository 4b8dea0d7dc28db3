"""Losses of directions from the rows, and a module of floats that has one.

The order of breakpoints is exact, and so are directions here: rationals. A unit vector
in floats may be `ε` radians away from one, and on the other side of breakpoints. Two
integers of 53 bits meet any ratio to about `2⁻¹⁰⁶` (the best approximation by a
fraction), and at a breakpoint `±z_⊥` is a pair of floats itself.

Derived here.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from theory.relu.plane_arcs import Problem
from theory.relu.plane_rows import inner, turned
from theory.relu.plane_search import Candidates
from theory.relu.plane_sectors import CHUNK

# How far inside its part an optimum that is not attained is tried: closer is better.
INSIDE = 10.0 ** -np.arange(4, 14)
# Losses of rows, in units of Σ α_i η_i e_i: hidden values, heads, residuals, sums.
AGREES = 16
# Integers up to this are floats.
INTEGERS = 2**53


class Module(NamedTuple):
    """A direction in floats, its best heads, and whether they attain the loss."""

    shared: Float[np.ndarray, " 2"]
    heads: Float[np.ndarray, " k"]
    attained: bool


def losses_of(problem: Problem, found: Candidates) -> Float[np.ndarray, " n"]:
    """Losses from the rows: no digits are lost to `e_i` where they are small."""
    rows, sectors = problem.rows, problem.sectors
    losses = np.full(len(found.at), problem.weights @ rows.unseen)
    for task in range(rows.tasks):
        own = rows.own(task)
        step = max(1, CHUNK // max(1, own.stop - own.start))
        length = np.hypot(*rows.z[own].T)[:, None]
        y = rows.y[own, None]
        for first in range(0, len(losses), step):
            some = found.take(np.arange(first, min(first + step, len(losses))))
            low, high, _ = sectors.hidden(rows, own, some.part)
            low, high = (np.where(some.from_v, *h) for h in ((high, low), (low, high)))
            h = (1 - some.at) * low + some.at * high
            # On one half-line hidden values are those of the lengths, in the limit at
            # its breakpoint too.
            sector = sectors.sector[some.part]
            active = rows.active(sector, own)
            h = np.where(sectors.groups[task, sector] == 1, active * length, h)
            loss = np.sum((y - h * _heads(h, y)) ** 2, axis=0)
            losses[first : first + step] += problem.weights[task] * loss
    return losses


def spans_of(problem: Problem, found: Candidates) -> tuple[NDArray, NDArray]:
    """Angles of candidates, and how wide the constant ones are."""
    exact = [_direction(problem, found, i) for i in range(len(found.at))]
    directions = np.array([_unit(pair) for pair in exact])
    angle = np.arctan2(directions[:, 1], directions[:, 0]) % (2 * np.pi)
    sectors = problem.sectors
    sector = sectors.sector[found.part]
    begin = np.searchsorted(sectors.sector, sector)
    end = np.searchsorted(sectors.sector, sector, side="right") - 1
    power = problem.rows.column_power
    u, v = (
        np.ldexp(edge, power.min() - power)
        for edge in (sectors.u[begin], sectors.v[end])
    )
    width = np.arctan2(inner(v, turned(u)), inner(v, u)) % (2 * np.pi)
    return angle, np.where(found.whole, width, 0)


def module_of(problem: Problem, found: Candidates, loss: float) -> Module:
    """A module of floats with the loss of a candidate, or as close as one comes."""
    tried: list[NDArray] = []
    open_end = bool(found.side[0])
    for at in INSIDE if open_end else found.at:
        exact = _direction(problem, found._replace(at=np.array([at])), 0)
        tried += [_unit(exact), _integers(exact)]
    if found.at[0] == 0 and not open_end:
        edge = (problem.sectors.v if found.from_v[0] else problem.sectors.u)[
            found.part[0]
        ]
        tried.append(_short(np.ldexp(edge, -problem.rows.column_power)))
    heads, losses, plain = _evaluated(problem, np.stack(tried))
    off = np.abs(losses - loss)
    good = off <= AGREES * problem.rounding
    if good.any() and not open_end:
        best = int(np.argmax(good))
    else:
        # As close as possible in exact arithmetic and in that of floats.
        best = int(np.argmin(np.maximum(off, np.abs(plain - loss))))
    return Module(tried[best], heads[:, best], bool(good[best]) and not open_end)


def _direction(
    problem: Problem, found: Candidates, index: int
) -> tuple[Fraction, Fraction]:
    """`B`, exactly."""
    sectors, part = problem.sectors, found.part[index]
    at, kappa = (Fraction(float(v)) for v in (found.at[index], sectors.kappa[part]))
    low, high = (at, 1 - at) if found.from_v[index] else (1 - at, at)
    power = problem.rows.column_power
    pair = []
    for column in range(2):
        u, v = (Fraction(float(end[part, column])) for end in (sectors.u, sectors.v))
        unit = Fraction(2) ** int(power.min() - power[column])
        pair.append((low * u + high * kappa * v) * unit)
    return pair[0], pair[1]


def _unit(pair: tuple[Fraction, Fraction]) -> Float[np.ndarray, " 2"]:
    size = max(abs(pair[0]), abs(pair[1]))
    b = np.array([float(v / size) for v in pair])
    return b / np.hypot(*b)


def _integers(pair: tuple[Fraction, Fraction]) -> Float[np.ndarray, " 2"]:
    """The direction by two integers and a power of two."""
    small = 0 if abs(pair[0]) <= abs(pair[1]) else 1
    if pair[small] == 0:
        return _unit(pair)
    ratio = abs(pair[small] / pair[1 - small])
    power = ratio.denominator.bit_length() - ratio.numerator.bit_length()
    near = (ratio * Fraction(2) ** power / 2).limit_denominator(INTEGERS)
    b = np.empty(2)
    b[small] = np.ldexp(float(near.numerator), 1 - power)
    b[1 - small] = float(near.denominator)
    sign = np.array([1.0 if v >= 0 else -1.0 for v in pair])
    return _short(sign * b)


def _short(b: Float[np.ndarray, " 2"]) -> Float[np.ndarray, " 2"]:
    """The same direction, exactly, with the larger entry in `[1/2, 1)`."""
    return np.ldexp(b, -np.frexp(np.max(np.abs(b)))[1])


def _evaluated(
    problem: Problem, directions: Float[np.ndarray, "n 2"]
) -> tuple[Float[np.ndarray, "k n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Best heads of directions as floats have them, and the loss with them.

    The loss without cancellation in hidden values, and with it, as floats give it.
    """
    rows = problem.rows
    b = np.ldexp(directions, rows.column_power)
    heads = np.zeros((rows.tasks, len(b)))
    losses = np.full((2, len(b)), problem.weights @ rows.unseen)
    for task in range(rows.tasks):
        own = rows.own(task)
        hidden = np.maximum(inner(rows.z[own, None], b), 0)
        y = rows.y[own, None]
        found = _heads(hidden, y)
        for kind, h in enumerate((hidden, np.maximum(rows.z[own] @ b.T, 0))):
            residual = y - h * found
            losses[kind] += problem.weights[task] * np.sum(residual**2, axis=0)
        heads[task] = np.ldexp(found, -rows.task_power[task])
    return heads, losses[0], losses[1]


def _heads(hidden: NDArray, labels: NDArray) -> NDArray:
    """`⟨h, y⟩/‖h‖²`, zero where the unit is dead."""
    size = np.max(np.abs(hidden), axis=0, initial=0)
    size = np.where(size > 0, size, 1)
    scaled = hidden / size
    square = np.sum(scaled**2, axis=0)
    return np.sum(scaled * labels, axis=0) / np.where(square > 0, square, 1) / size
