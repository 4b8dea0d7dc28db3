"""Families of instances on which breakpoints are close, tied or in unlike units."""

from typing import Literal, get_args

import numpy as np

from tests.theory.relu.plane import Instance

Family = Literal["line", "units", "ties", "integer", "opposite", "zeros", "neighbours"]
FAMILIES: tuple[Family, ...] = get_args(Family)


def adversarial(seed: int, family: Family) -> Instance:
    """One to four tasks of one to five rows.

    `line`: rows of one task within 1e-7 to 1e-13 of a line through the origin;
    `units`: second columns in units of 10^-9 to 10^9, each task's own or all the same;
    `ties`: repeated rows, also those of other tasks; `integer`: entries in [-2, 2];
    `opposite`: rows and their negatives, exact and within 1e-12; `zeros`: rows and
    labels of zeros; `neighbours`: rows some ε from another's direction.
    """
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    k = int(rng.integers(1, 5))
    xs = [rng.normal(size=(rng.integers(1, 6), 2)) for _ in range(k)]
    ys = [rng.normal(size=len(x)) for x in xs]
    if family == "line":
        width = 10.0 ** -rng.integers(7, 14)
        turn = rng.uniform(0, np.pi) * rng.integers(0, 2)
        line, across = np.array(
            [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        )
        xs[0] = (
            rng.normal(size=(4, 1)) * line + width * rng.normal(size=(4, 1)) * across
        )
        ys[0] = rng.normal(size=4)
        ys[1:] = [0.1 * y for y in ys[1:]]
    if family == "units":
        powers = rng.choice([-9, -3, 0, 3, 9], k)
        powers = powers if rng.integers(0, 2) else np.full(k, powers[0])
        xs = [x * np.array([1.0, 10.0**p]) for x, p in zip(xs, powers, strict=True)]
    if family == "ties":
        pool = rng.normal(size=(3, 2))
        xs = [pool[rng.integers(0, 3, len(x))] for x in xs]
    if family == "integer":
        xs = [rng.integers(-2, 3, size=x.shape).astype(float) for x in xs]
        ys = [rng.integers(-2, 3, size=len(x)).astype(float) for x in xs]
    if family == "opposite":
        noise = 1e-12 * rng.integers(0, 2)
        xs = [
            np.concatenate([x, -x * (1 + noise * rng.normal(size=x.shape))]) for x in xs
        ]
        ys = [rng.normal(size=len(x)) for x in xs]
    if family == "zeros":
        xs = [x * rng.integers(0, 2, size=(len(x), 1)) for x in xs]
        ys = [y * rng.integers(0, 2, size=len(y)) for y in ys]
    if family == "neighbours":
        pool = rng.normal(size=(2, 2))
        step = np.finfo(float).eps
        xs = [
            pool[rng.integers(0, 2, len(x))] * (1 + step * rng.integers(-2, 3, x.shape))
            for x in xs
        ]
    weights = np.ones(k) if family == "integer" else 10 ** rng.uniform(-1, 1, k)
    return Instance(xs, ys, weights)
