"""Risks of tasks with one X at every width of the shared module, drawn and stated."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from paper_checks.judge.check import Check
from theory.risk import common_design_risk

TASKS = 4
NOISES = (0.5, 2.0, 6.0)  # σ² for which the best width is 3, 2 and 1


class Curve(NamedTuple):
    """Risks by noise, width 1..k and task: means of draws, their errors, and stated."""

    measured: Float[np.ndarray, "s r k"]
    error: Float[np.ndarray, "s r k"]
    bias: Float[np.ndarray, "s r k"]
    variance: Float[np.ndarray, "s r k"]

    @property
    def stated(self) -> Float[np.ndarray, "s r k"]:
        """The stated risk."""
        return self.bias + self.variance

    @property
    def apart(self) -> Float[np.ndarray, "s r"]:
        """Relative deviation of the mean over tasks, at widths below `k`."""
        return np.abs(self.measured.mean(-1) / self.stated.mean(-1) - 1)[:, :-1]


def parameters(
    rng: np.random.Generator, dimension: int, signals: tuple[float, ...]
) -> Float[np.ndarray, "k p"]:
    """`Θᵀ` with these eigenvalues of `ΘᵀΘ`, and eigenvectors that mix all tasks."""
    left = np.linalg.qr(rng.normal(size=(dimension, TASKS)))[0]
    # The same eigenvectors in every dimension, so that risks compare.
    right = np.linalg.qr(np.random.default_rng(0).normal(size=(TASKS, TASKS)))[0]
    return right @ (left * np.sqrt(signals)).T


def squared_errors(
    rng: np.random.Generator, theta: Float[np.ndarray, "k p"], samples: int, draws: int
) -> Float[np.ndarray, "n s r k"]:
    """Errors of the optimum of every width on drawn rows and labels.

    The optimum is the projection of `Q_XᵀY`, `X = Q_XR`, on its top singular vectors
    (Eckart-Young): no Gram matrix and no eigenvectors of `Θ`.
    """
    k, p = theta.shape
    found = np.empty((draws, len(NOISES), k, k))
    for n in range(draws):
        basis, factor = np.linalg.qr(rng.normal(size=(samples, p)))
        clean = factor @ theta.T
        # Of the noise only what lies in the span of X counts.
        noise = basis.T @ rng.normal(size=(samples, k))
        labels = clean + np.sqrt(NOISES)[:, None, None] * noise
        left, values, right = np.linalg.svd(labels, full_matrices=False)
        parts = left[:, :, :, None] * (values[..., None] * right)[:, None]
        fitted = np.cumsum(parts, axis=2).transpose(0, 2, 1, 3)
        error = np.linalg.solve(factor, fitted) - theta.T
        found[n] = np.sum(error**2, axis=2)
    return found


def curve(
    rng: np.random.Generator,
    size: tuple[int, int],
    signals: tuple[float, ...],
    draws: int,
) -> Curve:
    """Measured and stated risks at `(p, n)`."""
    theta = parameters(rng, size[0], signals)
    drawn = squared_errors(rng, theta, size[1], draws)
    stated = [common_design_risk(theta, size[1], noise) for noise in NOISES]
    return Curve(
        measured=drawn.mean(axis=0),
        error=drawn.std(axis=0, ddof=1) / np.sqrt(draws),
        bias=np.stack([np.asarray(one.bias) for one in stated]),
        variance=np.stack([np.asarray(one.variance) for one in stated]),
    )


def check(curves: Sequence[Curve]) -> Check:
    """Compare risks at the largest size with those stated, task by task.

    What is left out is of the order of `1/n`: of two sizes in a ratio of four, the
    larger may have half of what the smaller has, a quarter being expected, and five
    standard errors of both.
    """
    before, last = curves[-2:]
    left = np.abs(before.measured - before.stated) / 2
    room = left + 5 * np.hypot(last.error, before.error / 2)
    lhs, rhs, tolerance = map(jnp.asarray, (last.measured, last.stated, room))
    return Check(lhs, rhs, tolerance, "==")
