"""Upper bounds on the optimum of rows in exact rational arithmetic."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

Vector = list[Fraction]
Matrix = list[Vector]
# Powers of two that the ratio of two heads is tried at; e^±45 is beyond 1e-19.
OCTAVES = range(-64, 65, 4)


class ExactTask:
    """`G`, `g` and `e` of one task's rows as rationals, times the task's weight."""

    def __init__(self, covariates: np.ndarray, labels: np.ndarray, weight: float = 1.0):
        alpha = Fraction(float(weight))
        rows = [[Fraction(float(v)) for v in row] for row in covariates]
        y = [Fraction(float(v)) for v in labels]
        columns = list(zip(*rows, strict=True))
        self.gram = [[alpha * dot(a, b) for b in columns] for a in columns]
        self.moment = [alpha * dot(a, y) for a in columns]
        self.energy = alpha * dot(y, y)

    def explained(self, direction: Vector) -> Fraction:
        """Label energy that the best multiple of one direction explains."""
        curvature = dot(direction, [dot(row, direction) for row in self.gram])
        if curvature == 0:
            return Fraction(0)
        return dot(self.moment, direction) ** 2 / curvature


def dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    """Inner product."""
    return sum((a * b for a, b in zip(left, right, strict=True) if a and b), Fraction())


def solve(matrix: Matrix, right: Vector) -> Vector:
    """A solution of a consistent symmetric system; free unknowns are zero."""
    system = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size, pivots = len(right), []
    for column in range(size):
        row = next(
            (r for r in range(len(pivots), size) if system[r][column] != 0), None
        )
        if row is None:
            continue
        top = len(pivots)
        system[top], system[row] = system[row], system[top]
        scale = 1 / system[top][column]
        system[top] = [value * scale for value in system[top]]
        for other in range(size):
            factor = system[other][column]
            if other != top and factor != 0:
                system[other] = [
                    a - factor * b
                    for a, b in zip(system[other], system[top], strict=True)
                ]
        pivots.append(column)
    solution = [Fraction(0)] * size
    for row, column in enumerate(pivots):
        solution[column] = system[row][-1]
    return solution


def alone(tasks: Sequence[ExactTask]) -> Fraction:
    """Loss of all tasks fitted on their own: the optimum for `r >= min(k, d)`."""
    return sum(
        (t.energy - dot(t.moment, solve(t.gram, t.moment)) for t in tasks), Fraction()
    )


def best_module(tasks: Sequence[ExactTask], heads: Vector) -> Vector:
    """The least squares module of width 1 for these heads."""
    d = len(tasks[0].moment)
    square = [h * h for h in heads]
    gram = [
        [dot(square, [t.gram[a][b] for t in tasks]) for b in range(d)] for a in range(d)
    ]
    moment = [dot(heads, [t.moment[a] for t in tasks]) for a in range(d)]
    return solve(gram, moment)


def reached(tasks: Sequence[ExactTask], module: Vector) -> Fraction:
    """Loss of a module of width 1 with the best heads: the optimum is no higher."""
    return sum((t.energy - t.explained(module) for t in tasks), Fraction())


def loss_of(tasks: Sequence[ExactTask], parameters: np.ndarray) -> Fraction:
    """Loss of one vector of parameters for each task."""
    total = Fraction(0)
    for task, row in zip(tasks, parameters, strict=True):
        theta = [Fraction(float(v)) for v in row]
        curved = [dot(line, theta) for line in task.gram]
        total += task.energy + dot(theta, curved) - 2 * dot(task.moment, theta)
    return total


def short(value: float) -> Fraction:
    """A float with 24 bits, so that rationals stay short."""
    return Fraction(float(np.float32(value))) if value else Fraction(0)


def upper_bound(
    covariates: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    weights: Sequence[float] | None = None,
    *,
    octaves: Sequence[int] = OCTAVES,
) -> Fraction:
    """Least loss of width 1 that was reached, exactly evaluated.

    Modules for heads found by alternating on rows in floats, and for two tasks those
    of ratios of heads that are powers of two, both signs.
    """
    alpha = [1.0] * len(labels) if weights is None else list(weights)
    tasks = [ExactTask(*t) for t in zip(covariates, labels, alpha, strict=True)]
    trial = [
        [short(v) for v in heads]
        for heads in float_heads(covariates, labels, np.asarray(alpha))
    ]
    trial += [
        [Fraction(1 if i == j else 0) for j in range(len(tasks))]
        for i in range(len(tasks))
    ]
    if len(tasks) == 2:
        trial += [
            [Fraction(1), sign * Fraction(2) ** power]
            for power in octaves
            for sign in (1, -1)
        ]
    modules = (best_module(tasks, heads) for heads in trial)
    return min(reached(tasks, module) for module in modules if any(module))


def float_heads(
    covariates: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    weights: np.ndarray,
    *,
    kept: int = 4,
) -> list[np.ndarray]:
    """Heads of the best modules found on rows, each in floats."""
    k, root = len(labels), np.sqrt(weights)
    size = np.array([float(np.linalg.norm(x)) or 1.0 for x in covariates])
    if k == 2:
        ratio = np.tan(np.linspace(-np.pi, np.pi, 61)[:-1] / 2 + 1e-3)
        ratio = np.append(ratio, np.outer([1, -1], 10.0 ** np.arange(-16, 17)).ravel())
        starts = np.stack([np.ones_like(ratio), ratio], axis=1) / size
    else:
        starts = np.random.default_rng(0).normal(size=(40, k)) / size
    found = []
    for start in starts:
        heads, used, value = start, start, np.inf
        for _ in range(1 if k == 2 else 12):
            design = np.concatenate(
                [w * h * x for w, h, x in zip(root, heads, covariates, strict=True)]
            )
            target = np.concatenate([w * y for w, y in zip(root, labels, strict=True)])
            column = np.linalg.norm(design, axis=0)
            column = np.where(column > 0, column, 1)
            module = np.linalg.lstsq(design / column, target, rcond=1e-15)[0] / column
            fits = [x @ module for x in covariates]
            next_heads = np.array(
                [
                    f @ y / (f @ f) if f @ f > 0 else 0.0
                    for f, y in zip(fits, labels, strict=True)
                ]
            )
            value = sum(
                w * np.sum((y - h * f) ** 2)
                for w, y, h, f in zip(weights, labels, next_heads, fits, strict=True)
            )
            used, heads = heads, next_heads
        found.append((value, used if k == 2 else heads))
    found.sort(key=lambda pair: pair[0])
    return [heads for _, heads in found[:kept]]
