"""The loss of one ReLU unit in exact rationals, and directions to try it at.

Shares no code with `theory.relu`: breakpoints are sorted as fractions, and in each
sector `b = (1 - s) u + s v` the loss is a sum of ratios of quadratics in `s` with
rational coefficients. These are searched in floats, close to both ends too. All
breakpoints, a direction inside each sector and the best of what the search finds are
evaluated exactly.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cmp_to_key, partial
from typing import NamedTuple

import numpy as np

from tests.theory.relu.plane import Instance

Direction = tuple[Fraction, Fraction]
# Where sectors are looked at: evenly, and in every decade of the way to both ends.
NEAR = 10.0 ** np.arange(-30, -0.9, 0.25)
GRID = np.unique(np.concatenate([NEAR, np.linspace(0.05, 0.5, 40)]))
POLISH = 40
# Directions of the search that are evaluated exactly, the best in floats.
MOST = 8


class Row(NamedTuple):
    """A row and its label."""

    x: Direction
    y: Fraction


class Exact:
    """An instance in rationals."""

    def __init__(self, instance: Instance) -> None:
        self.tasks = [
            [
                Row(_direction(x), Fraction(float(y)))
                for x, y in zip(xs, ys, strict=True)
            ]
            for xs, ys in zip(instance.xs, instance.ys, strict=True)
        ]
        self.weights = [Fraction(float(a)) for a in instance.weights]
        # As if all tasks had unit rows and columns: only directions are compared.
        rows = [row.x for task in self.tasks for row in task if any(row.x)]
        both = [(-x[1], x[0]) for x in rows] + [(x[1], -x[0]) for x in rows]
        self.breaks = _sorted(both)

    def loss(self, b: Direction) -> Fraction:
        """With the best heads for `b`, every one of them exact."""
        return sum(
            (
                a * self._task(task, [max(_dot(row.x, b), Fraction(0)) for row in task])
                for a, task in zip(self.weights, self.tasks, strict=True)
            ),
            Fraction(0),
        )

    def with_heads(self, b: Direction, heads: list[Fraction]) -> Fraction:
        """The loss of a module."""
        total = Fraction(0)
        for a, task, head in zip(self.weights, self.tasks, heads, strict=True):
            for row in task:
                total += a * (max(_dot(row.x, b), Fraction(0)) * head - row.y) ** 2
        return total

    def least(self) -> Fraction:
        """Least loss of all directions tried; limits count, as heads are free."""
        if not self.breaks:
            return self.loss((Fraction(1), Fraction(0)))
        tried, found = list(self.breaks), list[tuple[float, Direction]]()
        for u, v in zip(self.breaks, self.breaks[1:] + self.breaks[:1], strict=True):
            if _dot(u, v) <= 0 and u[0] * v[1] - u[1] * v[0] == 0:
                # One line alone: half a turn on either side of its orthogonal.
                v = (-u[1], u[0])
            u, v = _scaled(u), _scaled(v)
            tried.append((u[0] + v[0], u[1] + v[1]))
            found += self._in_sector(u, v, tried[-1])
        found.sort(reverse=True)
        return min(self.loss(b) for b in tried + [b for _, b in found[:MOST]])

    def _in_sector(
        self, u: Direction, v: Direction, middle: Direction
    ) -> list[tuple[float, Direction]]:
        """What is explained at directions of a sector where it is most."""
        terms = []
        for a, task in zip(self.weights, self.tasks, strict=True):
            active = [row for row in task if _dot(row.x, middle) > 0]
            low = [_dot(row.x, u) for row in active]
            high = [_dot(row.x, v) for row in active]
            size = max([*low, *high], default=Fraction(1))
            low, high = ([h / size for h in side] for side in (low, high))
            y = [row.y for row in active]
            sums = [_sum(low, low), _sum(low, high), _sum(high, high)]
            sums += [_sum(low, y), _sum(high, y)]
            terms.append([float(a), *(float(t) for t in sums)])
        alpha, aa, ac, cc, a_y, c_y = np.array(terms).T[:, :, None]

        def explained(s: np.ndarray, left: bool) -> np.ndarray:
            # Close to the right end 1 - s is what is known.
            low, high = (1 - s, s) if left else (s, 1 - s)
            square = low**2 * aa + 2 * low * high * ac + high**2 * cc
            moment = low * a_y + high * c_y
            safe = np.where(square > 0, square, 1)
            return np.sum(np.where(square > 0, alpha * moment**2 / safe, 0), axis=0)

        tried = []
        for left in (True, False):
            value, s = _polished(partial(explained, left=left))
            at = Fraction(s)
            low, high = (1 - at, at) if left else (at, 1 - at)
            b = (low * u[0] + high * v[0], low * u[1] + high * v[1])
            tried.append((value, b))
        return tried

    @staticmethod
    def _task(task: list[Row], hidden: list[Fraction]) -> Fraction:
        y = [row.y for row in task]
        square, moment = _sum(hidden, hidden), _sum(hidden, y)
        return _sum(y, y) - (moment**2 / square if square else 0)


def _polished(explained: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Where most is explained, of the grid and of ever finer ones around its best."""
    best, s = int(np.argmax(explained(GRID))), GRID
    low, high = GRID[max(best - 1, 0)], GRID[min(best + 1, len(GRID) - 1)]
    for _ in range(POLISH):
        s = np.linspace(low, high, 9)
        best = int(np.argmax(explained(s)))
        low, high = s[max(best - 1, 0)], s[min(best + 1, 8)]
    return float(explained(np.array([s[best]]))[0]), float(s[best])


def _direction(x: np.ndarray) -> Direction:
    return Fraction(float(x[0])), Fraction(float(x[1]))


def _dot(x: Direction, b: Direction) -> Fraction:
    return x[0] * b[0] + x[1] * b[1]


def _sum(left: list[Fraction], right: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(left, right, strict=True)), Fraction(0))


def _scaled(u: Direction) -> Direction:
    """Of length about 1 in units in which columns of unlike units are alike."""
    size = max(abs(u[0]), abs(u[1]))
    return u[0] / size, u[1] / size


def _half(u: Direction) -> int:
    return 0 if u[1] > 0 or (u[1] == 0 and u[0] > 0) else 1


def _sorted(directions: list[Direction]) -> list[Direction]:
    """By angle from 0, each once."""

    def compare(u: Direction, v: Direction) -> int:
        if _half(u) != _half(v):
            return _half(u) - _half(v)
        turn = u[0] * v[1] - u[1] * v[0]
        return int(turn < 0) - int(turn > 0)

    ordered = sorted(directions, key=cmp_to_key(compare))
    return [u for i, u in enumerate(ordered) if not i or compare(ordered[i - 1], u)]
