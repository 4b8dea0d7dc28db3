"""Penalties written once more, in NumPy, from their definitions; `W` is d x k."""

from collections.abc import Callable, Iterator

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog, minimize

from theory.penalised import (
    BlockSparse,
    ClusteredPenalty,
    Dirty,
    Penalty,
    SquaredTraceNorm,
    TensorTraceNorm,
    TraceNorm,
)

Matrix = Float[np.ndarray, "d k"]
K, D = 4, 3


def block(strength: float, power: float) -> Callable[[Matrix], float]:
    return lambda W: float(strength * sum(np.linalg.norm(row, power) for row in W))


def dirty(shared: float, own: float) -> Callable[[Matrix], float]:
    """A linear programme for each row: `λ_B u + λ_S Σ s_i`, `|w_i| ≤ u + s_i`."""

    def value(W: Matrix) -> float:
        k = W.shape[1]
        cost = np.r_[shared, np.full(k, own)]
        rows = -np.c_[np.ones(k), np.eye(k)]
        return sum(linprog(cost, rows, -np.abs(row)).fun for row in W)

    return value


def trace(strength: float) -> Callable[[Matrix], float]:
    return lambda W: float(strength * np.linalg.norm(W, "nuc"))


def squared(strength: float) -> Callable[[Matrix], float]:
    return lambda W: float(strength / 2 * np.linalg.norm(W, "nuc") ** 2)


def clustered(
    r: int, mean: float, between: float, within: float
) -> Callable[[Matrix], float]:
    """`½ min_Σ` by a general solver over the eigenvalues of `Σ`."""

    def value(W: Matrix) -> float:
        k = W.shape[1]
        centre = W.mean(axis=1, keepdims=True)
        eigen = np.maximum(np.linalg.eigvalsh((W - centre).T @ (W - centre)), 0)
        a, b = 1 / within, 1 / between
        trace = (k - r + 1) * a + (r - 1) * b
        found = minimize(
            lambda theta: np.sum(eigen / theta),
            np.full(k, trace / k),
            jac=lambda theta: -eigen / theta**2,
            bounds=[(a, b)] * k,
            constraints={"type": "ineq", "fun": lambda theta: trace - theta.sum()},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        return mean * k * float(np.sum(centre**2)) / 2 + found.fun / 2

    return value


def tensor(
    strengths: tuple[float, ...], grid: tuple[int, int]
) -> Callable[[Matrix], float]:
    def value(W: Matrix) -> float:
        cube = W.reshape(-1, *grid)
        unfolded = (
            np.moveaxis(cube, n, 0).reshape(cube.shape[n], -1) for n in range(3)
        )
        norms = [np.linalg.norm(matrix, "nuc") for matrix in unfolded]
        return float(np.dot(strengths, norms))

    return value


CASES: dict[str, tuple[Penalty, Callable[[Matrix], float]]] = {
    "l1": (BlockSparse(0.7, 1), block(0.7, 1)),
    "l1/l2": (BlockSparse(0.7), block(0.7, 2)),
    "l1/linf": (BlockSparse(0.7, np.inf), block(0.7, np.inf)),
    "dirty": (Dirty(0.9, 0.4), dirty(0.9, 0.4)),
    "trace": (TraceNorm(0.6), trace(0.6)),
    "squared trace": (SquaredTraceNorm(0.6), squared(0.6)),
    "clusters": (ClusteredPenalty(2, 0.2, 0.5, 2.0), clustered(2, 0.2, 0.5, 2.0)),
    "tensor": (
        TensorTraceNorm([0.3, 0.2, 0.4], (2, 2)),
        tensor((0.3, 0.2, 0.4), (2, 2)),
    ),
}


def matrices(seed: int, count: int) -> Iterator[Float[np.ndarray, "k d"]]:
    """Parameters as ours are, k x d: full, with zero rows, ties, of rank 1, zero."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        W = rng.normal(size=(K, D)) * 2
        if index % 5 == 1:
            W[:, 0] = 0
        elif index % 5 == 2:
            W = np.round(W)
        elif index % 5 == 3:
            W = W[:, :1] * W[:1]
        elif index % 5 == 4:
            W = W * (index != 4)
        yield W


def value_of(penalty: Penalty, W: Float[np.ndarray, "k d"]) -> float:
    return float(penalty.value(jnp.asarray(W)))
