"""`product` against NumPy, and its derivatives against jax's own."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.networks.matmul import product

ROWS, D, R, RUNS = 7, 5, 3, 2
RNG = np.random.default_rng(0)
X, W, G = (RNG.normal(size=(RUNS, *s)) for s in ((ROWS, D), (D, R), (ROWS, R)))
# Seven products of size one, summed in another order.
CLOSE = 1e-14


def slopes(of: Callable) -> Callable:
    def both(x, weight, slope):
        value, back = jax.vjp(of, jnp.asarray(x), jnp.asarray(weight))
        return value, *back(jnp.asarray(slope))

    return both


def plain(x: np.ndarray, weight: np.ndarray, slope: np.ndarray) -> list[np.ndarray]:
    return [x @ weight, slope @ weight.T, x.T @ slope]


@pytest.mark.parametrize("shared", [True, False])
def test_value_and_derivatives_are_those_of_a_product(shared: bool):
    """Of runs with rows of their own, or the same rows."""
    x = np.stack([X[0]] * RUNS) if shared else X
    of_runs = jax.vmap(slopes(product), (None if shared else 0, 0, 0))
    found = jax.jit(of_runs)(X[0] if shared else X, W, G)
    for run in range(RUNS):
        for one, other in zip(found, plain(x[run], W[run], G[run]), strict=True):
            np.testing.assert_allclose(one[run], other, rtol=CLOSE, atol=CLOSE)


def test_the_precision_is_that_of_the_rows():
    x, weight = (jnp.asarray(a[0], jnp.bfloat16) for a in (X, W))
    value, back = jax.vjp(product, x, weight)
    assert {a.dtype for a in (value, *back(value))} == {jnp.dtype(jnp.bfloat16)}
