"""Tasks in the plane, spoiled in many ways, and the loss over angles by brute force."""

from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np

from theory.tasks import Tasks

Kind = Literal["plain", "few", "integer", "exact", "lines", "cone", "close", "scales"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TURN = 2 * np.pi


class Instance(NamedTuple):
    """Rows, labels and weights of some tasks."""

    xs: list[np.ndarray]
    ys: list[np.ndarray]
    weights: np.ndarray

    @property
    def scale(self) -> float:
        return float(
            sum(a * (y @ y) for y, a in zip(self.ys, self.weights, strict=True))
        )

    def tasks(self) -> Tasks:
        """Padded; `Tasks.from_data` refuses labels that do not vary."""
        k, m = len(self.xs), max(map(len, self.xs))
        x, y, mask = np.zeros((k, m, 2)), np.zeros((k, m)), np.zeros((k, m), bool)
        for i in range(k):
            x[i, : len(self.ys[i])], y[i, : len(self.ys[i])] = self.xs[i], self.ys[i]
            mask[i, : len(self.ys[i])] = True
        return Tasks(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask))

    def breakpoints(self) -> np.ndarray:
        rows = np.concatenate(self.xs)
        rows = rows[np.any(rows != 0, axis=1)]
        angle = np.arctan2(rows[:, 1], rows[:, 0])
        return np.concatenate([angle - np.pi / 2, angle + np.pi / 2]) % TURN

    def losses(self, angles: np.ndarray) -> np.ndarray:
        """The definition: least squares of each task on its one hidden value."""
        b = np.stack([np.cos(angles), np.sin(angles)])
        total = np.zeros(len(angles))
        for x, y, weight in zip(self.xs, self.ys, self.weights, strict=True):
            h = np.maximum(x @ b, 0)
            square = np.sum(h**2, axis=0)
            explained = (y @ h) ** 2 / np.where(square > 0, square, 1)
            total += weight * (y @ y - explained)
        return total


def draw(seed: int, kind: Kind) -> Instance:
    """One to four tasks.

    `integer`: rows of small integers, so duplicates, opposite rows, zeros; `exact`:
    labels of ReLU teachers; `lines`: rows on three lines; `cone`: in a narrow cone;
    `close`: rows 1e-7 from another; `scales`: of rows, over eight decades.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    k = int(rng.integers(1, 5))
    few = kind in ("few", "lines", "close")
    xs = [rng.normal(size=(rng.integers(1, 6 if few else 30), 2)) for _ in range(k)]
    if kind == "integer":
        xs = [np.round(x) for x in xs]
    if kind == "lines":
        # Few bits each, so that the products are exact and the rows are on the lines.
        lines = rng.integers(-1000, 1000, size=(3, 2)) / 512
        xs = [lines[rng.integers(0, 3, len(x))] * _short(x[:, :1]) for x in xs]
    if kind == "cone":
        xs = [x + np.array([300.0, 40.0]) for x in xs]
    if kind == "close":
        xs = [np.concatenate([x, x + 1e-7 * rng.normal(size=x.shape)]) for x in xs]
    if kind == "scales":
        xs = [x * 10 ** rng.uniform(-4, 4, (len(x), 1)) for x in xs]
    ys = [rng.normal(size=len(x)) for x in xs]
    if kind == "exact":
        ys = [np.maximum(x @ rng.normal(size=2), 0) * rng.normal() for x in xs]
    return Instance(xs, ys, 10 ** rng.uniform(-1, 1, k))


def _short(values: np.ndarray) -> np.ndarray:
    """The values with 24 bits."""
    return values.astype(np.float32).astype(float)


def grid(instance: Instance, uniform: int) -> np.ndarray:
    """Angles all round, and close to every breakpoint on both sides."""
    offset = 10.0 ** np.arange(-7, -1, 0.5)
    offset = np.concatenate([-offset, offset])
    near = (instance.breakpoints()[:, None] + offset).ravel() % TURN
    angles = np.unique(np.concatenate([np.linspace(0, TURN, uniform)[:-1], near]))
    # At a breakpoint rounding decides which rows are active.
    return angles[clear(instance, angles)]


def clear(instance: Instance, angles: np.ndarray) -> np.ndarray:
    """Whether an angle is so far from breakpoints that rounding is no matter."""
    gap = np.abs((angles[:, None] - instance.breakpoints() + np.pi) % TURN - np.pi)
    return gap.min(axis=1) > 5e-8


def descend(instance: Instance, start: np.ndarray, steps: int = 150) -> np.ndarray:
    """Losses where many descents end: pattern search with steps that halve."""
    at, value = start.copy(), instance.losses(start)
    step = np.full(len(at), 0.1)
    for _ in range(steps):
        tried = np.concatenate([at - step, at + step])
        found = np.where(clear(instance, tried), instance.losses(tried), np.inf)
        found = found.reshape(2, -1)
        best = np.argmin(found, axis=0)
        least = found[best, np.arange(len(at))]
        better = least < value
        at = np.where(better, tried.reshape(2, -1)[best, np.arange(len(at))], at)
        value = np.where(better, least, value)
        step = np.where(better, step, step / 2)
    return value
