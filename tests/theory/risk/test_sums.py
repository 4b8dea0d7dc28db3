import jax
import numpy as np
import pytest

from theory.risk.sums import sums

SUMS = jax.jit(lambda x: sums(x, x**2))
SLOPE = jax.jit(jax.grad(lambda x: sums(x, x**2)[1].sum()))


@pytest.mark.parametrize("count", [3, 47, 60])
def test_lanes_and_what_they_leave_over_are_plain_sums(count):
    x = np.random.default_rng(count).normal(size=(2, count))
    found = SUMS(x)
    # Rounding of as many terms.
    room = {"rtol": 0, "atol": count * 2.3e-16 * np.max(x**2) * count}
    np.testing.assert_allclose(found[0], x.sum(axis=1), **room)
    np.testing.assert_allclose(found[1], (x**2).sum(axis=1), **room)
    np.testing.assert_allclose(SLOPE(x), 2 * x, rtol=1e-15)
