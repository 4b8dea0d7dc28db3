"""Families of rows in which rounding may hide what matters."""

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Rows of every task, their labels, the tasks' weights and the module's width."""

    covariates: list[np.ndarray]
    labels: list[np.ndarray]
    weights: list[float]
    width: int


Array = np.ndarray
Draw = np.random.Generator
# Steps from what any float sees to what a Gram matrix cannot.
STEP = (1, 14)


def draw(family: str, seed: int) -> Rows:
    """One instance; the sizes come from a short list, each is a compilation."""
    rng = np.random.default_rng([seed, sorted(FAMILIES).index(family)])
    covariates = FAMILIES[family](rng)
    weights = [1.0] * len(covariates)
    if family == "equal columns, tiny weights":
        weights = [1.0, float(10 ** -rng.uniform(0, 20))][:: rng.choice([1, -1])]
    labels = [_labels(x, rng) for x in covariates]
    for y in labels:
        y[0] += float(y.min() == y.max())  # constant labels are refused
    wide = len(covariates) == 3 or rng.uniform() < 0.15
    width = int(rng.integers(1, 3)) if wide else 1
    return Rows(covariates, labels, weights, width)


def _labels(x: Array, rng: Draw) -> Array:
    """Labels along a difference of columns, or rows, or any."""
    kind = rng.integers(4)
    noise = rng.normal(size=len(x))
    if kind == 0 or len(x) == 1:
        return noise
    if kind == 1:
        gap = x[:, 0] / np.linalg.norm(x[:, 0]) - x[:, 1] / np.linalg.norm(x[:, 1])
        size = np.linalg.norm(gap)
        gap = gap / size if size > 0 else noise
        return gap + 10 ** -rng.uniform(0, 6) * noise
    if kind == 2:
        return np.linalg.svd(x, full_matrices=False)[0][:, -1] + 1e-3 * noise
    return np.round(2 * noise) + np.arange(len(x)) % 2


def _step(rng: Draw) -> float:
    return float(10 ** -rng.uniform(*STEP))


def _sizes(rng: Draw, tasks: int = 2) -> tuple[int, list[int]]:
    d = int(rng.integers(2, 4))
    return d, [int(rng.integers(d + 1, d + 9)) for _ in range(tasks)]


def _collinear_columns(rng: Draw, tasks: int = 2) -> list[Array]:
    d, counts = _sizes(rng, tasks)
    step, both = _step(rng), rng.uniform() < 0.7
    found = []
    for task, m in enumerate(counts):
        x = rng.normal(size=(m, d))
        if both or task == 0:
            x[:, 1] = x[:, 0] + step * x[:, 1]
        found.append(x)
    return found


def _collinear_rows(rng: Draw) -> list[Array]:
    d = int(rng.integers(2, 4))
    found = []
    for _ in range(2):
        m = int(rng.integers(2, d + 2))
        x = rng.normal(size=(m, d))
        x[1] = x[0] + _step(rng) * x[1]
        found.append(x)
    return found


def _float32_copies(rng: Draw) -> list[Array]:
    d = int(rng.integers(2, 4))
    x = rng.normal(size=(int(rng.integers(1, d + 3)), d))
    if rng.uniform() < 0.3:
        x[:, 1] = x[:, 0].astype(np.float32)
    return [
        x,
        x.astype(np.float16 if rng.uniform() < 0.5 else np.float32).astype(float),
    ]


def _near_proportional(rng: Draw) -> list[Array]:
    d = int(rng.integers(2, 4))
    x = rng.normal(size=(int(rng.integers(1, d + 3)), d))
    return [x, rng.choice([1.0, 2.0, 0.3]) * x + _step(rng) * rng.normal(size=x.shape)]


def _units(rng: Draw) -> list[Array]:
    d, counts = _sizes(rng)
    return [
        rng.normal(size=(m, d)) * 10.0 ** rng.uniform(-8, 8, size=d) for m in counts
    ]


def _weak_and_collinear(rng: Draw) -> list[Array]:
    found = _collinear_columns(rng)
    d = found[0].shape[1]
    found[rng.integers(2)][:, rng.integers(d)] *= 10 ** -rng.uniform(4, 10)
    if rng.uniform() < 0.3:
        found[0] *= 10 ** -rng.uniform(4, 10)
    return found


def _ties(rng: Draw) -> list[Array]:
    d = int(rng.integers(2, 4))
    left = [np.linalg.qr(rng.normal(size=(d + 3, d)))[0] for _ in range(2)]
    scale = np.where(np.arange(d) == d - 1, _step(rng), 1.0)
    return [left[0] * scale, left[1] * scale[:: rng.choice([1, -1])]]


def _small_integers(rng: Draw, tasks: int = 2) -> list[Array]:
    d = int(rng.integers(2, 4))
    found = []
    for _ in range(tasks):
        x = rng.integers(-1, 2, size=(int(rng.integers(2, d + 4)), d)).astype(float)
        x[0, ~x.any(axis=0)] = 1.0
        if rng.uniform() < 0.5:
            x[:, -1] = x[:, 0] + (x[:, 1] if d > 2 else 0)
        found.append(x)
    return found


def _equal_columns(rng: Draw) -> list[Array]:
    d, counts = _sizes(rng)
    found = [rng.normal(size=(m, d)) for m in counts]
    for task in range(2):
        if task == 0 or rng.uniform() < 0.5:
            found[task][:, 1] = found[task][:, 0]
    return found


def _below_the_last_digit(rng: Draw) -> list[Array]:
    """Columns that differ where one of them is zero, by less than a sum can hold."""
    d, counts = _sizes(rng)
    found, step = [], float(10 ** -rng.uniform(9, 25))
    for m in counts:
        x = rng.normal(size=(m, d))
        x[-2:, 0] = 0
        x[:, 1] = x[:, 0]
        x[-2:, 1] = step * rng.normal(size=2)
        found.append(x)
    if rng.uniform() < 0.4:
        found[1] = rng.normal(size=found[1].shape)
    return found


FAMILIES = {
    "collinear columns": _collinear_columns,
    "collinear columns, three tasks": lambda rng: _collinear_columns(rng, 3),
    "collinear rows": _collinear_rows,
    "copies at lower precision": _float32_copies,
    "near-proportional": _near_proportional,
    "units": _units,
    "weak units and collinear": _weak_and_collinear,
    "ties": _ties,
    "small integers": _small_integers,
    "small integers, three tasks": lambda rng: _small_integers(rng, 3),
    "equal columns, tiny weights": _equal_columns,
    "below the last digit": _below_the_last_digit,
}
