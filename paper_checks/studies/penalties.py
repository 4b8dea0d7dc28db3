"""Pairs of tasks under soft sharing, and the penalty of least risk, by search."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

DIMENSION = 6
# In log λ, to each side of the penalty that is looked for.
REACH, GRID, STEP = 6.0, 25, 0.05
# Rounding of a risk: inverses of condition numbers up to some 1e4.
ROUNDING = 1e4 * float(np.finfo(float).eps)


class Pair(NamedTuple):
    """Rows of both tasks and the laws of their labels."""

    rows: tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "m p"]]
    covariance: Float[np.ndarray, "p p"]
    noise: tuple[float, float]
    shift: Float[np.ndarray, " p"]

    def maps(self, penalty: float) -> list[Float[np.ndarray, "p _"]]:
        """The maps from both tasks' labels to `b̂`, from stacked least squares.

        The unknowns are `b` and `z`; the rows of `√λ z = 0` follow those of the tasks.
        """
        x_1, x_2 = self.rows
        ridge = penalty**0.5 * np.eye(DIMENSION)
        stacked = np.block(
            [[x_1, x_1], [x_2, np.zeros_like(x_2)], [np.zeros_like(ridge), ridge]]
        )
        ends = [len(x_1), len(x_1) + len(x_2)]
        return np.split(np.linalg.pinv(stacked)[:DIMENSION], ends, axis=1)[:2]

    def risk(self, penalty: float) -> float:
        """Mean of the target's risk over labels and parameters, given the rows."""
        root = np.linalg.cholesky(self.covariance).T
        seen = [root @ one for one in self.maps(penalty)]
        error = seen[0] @ self.rows[0] * np.sqrt(2 * self.shift / DIMENSION)
        noises = zip(self.noise, seen, strict=True)
        return float(np.sum(error**2) + sum(s * np.sum(m**2) for s, m in noises))

    def excess(self, penalty: float, factors: tuple[float, ...]) -> float:
        """What factors of a penalty cost in the mean, relative to its risk."""
        risks = [self.risk(factor * penalty) for factor in factors]
        return float(np.mean(risks)) / self.risk(penalty) - 1

    def search(self, near: float) -> tuple[float, float]:
        """`log λ` of least risk within `REACH` of a penalty, and its rounding.

        Where the risk is flat to its rounding, any penalty is as good.
        """

        def height(t: float) -> float:
            return self.risk(float(np.exp(t)))

        grid = np.log(near) + np.linspace(-REACH, REACH, GRID)
        at = int(np.argmin([height(t) for t in grid]))
        ends = (grid[max(at - 1, 0)], grid[min(at + 1, GRID - 1)])
        best: Any = minimize_scalar(
            height, bounds=ends, method="bounded", options={"xatol": 1e-10}
        )
        sides = height(best.x + STEP) + height(best.x - STEP)
        curve = max((sides - 2 * best.fun) / STEP**2, 1e-300)
        return best.x, float(np.sqrt(2 * ROUNDING * best.fun / curve))

    def drawn_risks(
        self, rng: np.random.Generator, penalty: float, draws: int
    ) -> Float[np.ndarray, " n"]:
        """Squared errors of `b̂` on drawn parameters and labels, over `risk`."""
        b = rng.normal(size=(2, draws, DIMENSION)) * np.sqrt(self.shift / DIMENSION)
        error = -b[1]
        parts = zip(b, self.rows, self.noise, self.maps(penalty), strict=True)
        for parameters, x, noise, found in parts:
            spread = np.sqrt(noise) * rng.normal(size=(draws, len(x)))
            error = error + (parameters @ x.T + spread) @ found.T
        squares = np.einsum("nd,de,ne->n", error, self.covariance, error)
        return squares / self.risk(penalty)


def draw(rng: np.random.Generator, sizes: tuple[int, int], dropped: str = "") -> Pair:
    """Draw rows of two covariances that do not commute, and the sizes of both effects.

    Args:
        rng: Of the draw.
        sizes: `n_1` and `n_2`.
        dropped: `noise`: that of the source is nine times the target's. `directions`:
            parameters differ in some directions far more than in others.
    """
    p = DIMENSION
    turned = [np.linalg.qr(rng.normal(size=(p, p)))[0] for _ in sizes]
    spreads = [10 ** rng.uniform(-1, 1, p) for _ in sizes]
    x_1, x_2 = (
        rng.normal(size=(n, p)) * spread @ turn.T
        for n, spread, turn in zip(sizes, spreads, turned, strict=True)
    )
    sigma = (turned[1] * spreads[1] ** 2) @ turned[1].T
    noise, shift = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-1, 1)
    share = np.geomspace(1e-3, 1, p) if dropped == "directions" else np.ones(p)
    first = 9 * noise if dropped == "noise" else noise
    return Pair((x_1, x_2), sigma, (first, noise), shift * share / np.mean(share))
