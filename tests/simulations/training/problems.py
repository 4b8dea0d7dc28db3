"""Small problems with rows, and the model's loss written out in NumPy."""

import jax.numpy as jnp
import numpy as np

from simulations.training import Parameters
from theory.tasks import Tasks

WEIGHTS = np.array([0.5, 2.0])
# Rows of the two tasks: unequal, so that there is padding.
ROWS = (40, 25)


def rows(seed: int, dimension: int, *, binary: bool = False):
    """Two tasks of a common ReLU direction, in columns of unequal units."""
    rng = np.random.default_rng(seed)
    unit = np.logspace(-1, 1, dimension)
    xs = [rng.normal(size=(m, dimension)) * unit for m in ROWS]
    theta = rng.normal(size=dimension) / unit
    ys = [
        c * np.maximum(x @ theta, 0) + 0.3 * rng.normal(size=len(x))
        for c, x in zip((1.0, -2.0), xs, strict=True)
    ]
    if binary:
        # Overlapping classes: separable ones have no optimum.
        ys = [
            (x @ theta + 1.5 * rng.normal(size=len(x)) > 0.2).astype(float) for x in xs
        ]
    return xs, ys


def tasks(seed: int, dimension: int, *, binary: bool = False) -> Tasks:
    return Tasks.from_data(*rows(seed, dimension, binary=binary))


def point(seed: int, dimension: int, width: int, *, bias: bool = False) -> Parameters:
    rng = np.random.default_rng([seed, 7])
    return Parameters(
        jnp.asarray(rng.normal(size=(dimension, width))),
        jnp.asarray(rng.normal(size=(2, width))),
        jnp.asarray(rng.normal(size=2)) if bias else None,
    )


def plain_loss(xs, ys, at: Parameters, *, relu: bool, logistic: bool) -> float:
    """`Σ α_i L_i` task by task, from the definition."""
    total = 0.0
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        unit = x @ np.asarray(at.shared)
        u = (np.maximum(unit, 0) if relu else unit) @ np.asarray(at.heads)[i]
        if at.bias is not None:
            u = u + float(at.bias[i])
        if logistic:
            sign = np.where(y > 0, 1, -1)
            total += WEIGHTS[i] * np.sum(np.log1p(np.exp(-sign * u)))
        else:
            total += WEIGHTS[i] * np.sum((u - y) ** 2)
    return float(total)
