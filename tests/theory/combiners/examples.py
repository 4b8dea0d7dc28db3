"""Gradients to combine, and the combiners compiled for them."""

from collections.abc import Callable

import jax
import numpy as np
import pytest

from theory import combiners

K, N = 4, 6
ORDER = np.array([[j for j in range(K) if j != i] for i in range(K)])
TARGETS = np.full((K, K), 0.1)
PAIR_ORDER = np.array([[1], [0]])
# Of what floats of 64 bits leave of a relative accuracy: κ of the draws is below 1e3.
CLOSE = 1e-9


def gradients(seed: int, kind: str = "plain") -> np.ndarray:
    """Gradients in general position, spoiled in the way `kind` names."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(K, N))
    if kind == "conflict":  # a common direction that half of them oppose
        rows += np.outer([3, -3, 3, -3], rng.normal(size=N))
    if kind == "units":
        rows *= np.logspace(-6, 6, K)[:, None]
    if kind == "flat":  # more tasks than directions
        rows[:, 2:] = 0
    if kind == "equal":
        rows[1] = rows[0]
    if kind == "zero":
        rows[2] = 0
    return rows


KINDS = ("plain", "conflict", "units", "flat", "equal", "zero")
every = pytest.mark.parametrize("kind", KINDS)
JIT: dict[str, Callable] = {
    "pcgrad": jax.jit(lambda g: combiners.pcgrad(g, order=ORDER)),
    "gradvac": jax.jit(
        lambda g, targets=TARGETS: combiners.gradvac(g, order=ORDER, targets=targets)
    ),
    "min_norm": jax.jit(combiners.min_norm_weights),
    "cagrad": jax.jit(combiners.cagrad),
    "upgrad": jax.jit(combiners.upgrad),
    "imtl_g": jax.jit(combiners.imtl_g_weights),
    "aligned": jax.jit(combiners.aligned_mtl_weights),
    "nash": jax.jit(combiners.nash_weights),
}
JIT_PCGRAD = jax.jit(lambda g, order: combiners.pcgrad(g, order=order))


def combined(name: str, rows: np.ndarray) -> np.ndarray:
    """The combined gradient of any of the combiners."""
    found = JIT[name](rows, 0.4) if name == "cagrad" else JIT[name](rows)
    if name == "gradvac":
        return np.asarray(found.gradient)
    return np.asarray(found if len(found) == N else found @ rows)


def filled(rows: list[list[float]]) -> np.ndarray:
    """The rows, again and again, with zeros, in the shape that is compiled."""
    few = np.asarray(rows, float)
    whole = np.zeros((K, N))
    whole[:, : few.shape[1]] = few[np.arange(K) % len(few)]
    return whole
