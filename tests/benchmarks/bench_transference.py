"""Transference in closed form against look-ahead by autograd, one pair at a time."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.benchmarks.paired import interleave, quartiles
from theory.tasks import TaskStatistics
from theory.transference import SGD, linear_transference


def test_seconds_of_points_and_pairs(report, smoke):
    rng = np.random.default_rng(0)
    k, d, r, m, points = (2, 4, 2, 20, 3) if smoke else (8, 50, 5, 600, 200)
    x, y = rng.normal(size=(k, m, d)), rng.normal(size=(k, m))
    statistics = TaskStatistics.from_data(list(x), list(y))
    shared = jnp.asarray(rng.normal(size=(points, d, r)))
    heads, rule = jnp.asarray(rng.normal(size=(k, r))), SGD(1e-3)
    closed = jax.jit(
        jax.vmap(lambda b: linear_transference(statistics, b, heads, rule).value)
    )

    def loss(b, task):
        return jnp.mean((x[task] @ (b @ heads[task]) - y[task]) ** 2)

    def eager(b):
        value = np.zeros((k, k))
        for i in range(k):
            moved = b - 1e-3 * jax.grad(loss)(b, i)
            value[i] = [1 - loss(moved, j) / loss(b, j) for j in range(k)]
        return value

    np.testing.assert_allclose(
        closed(shared)[0], eager(shared[0]), rtol=1e-8, atol=1e-10
    )
    times = interleave(
        {"closed": lambda: closed(shared), "eager": lambda: eager(shared[1])},
        2 if smoke else 5,
    )
    each = times["closed"] / points
    report(
        f"transference, d = {d}, k = {k}: {quartiles(k**2 / each)} pairs a second in "
        f"closed form, {quartiles(times['eager'] / each)} times look-ahead by autograd"
    )
