import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from tests.theory.differences import differences_agree
from theory.risk.fixed_point import source_ratio, sums

P = 12
SOLVE = jax.jit(source_ratio)
# Rounding of P + 2 terms, of the step in log y (28 decades at most) and of y itself.
EXACT = 100 * np.finfo(float).eps


def spectrum(kind: str) -> np.ndarray:
    return {
        "equal": np.ones(P),
        "twelve decades": np.geomspace(1e-6, 1e6, P),
        "two plateaus": np.repeat([1e-12, 1e12], P // 2),
        "weak": np.geomspace(1e-12, 1, P),
        "strong": np.geomspace(1, 1e12, P),
    }[kind]


def by_bisection(n_1: float, n_2: float, s: np.ndarray) -> float:
    """The equation of docs/mathematics.md, "Both shifts", in 60 digits."""
    with mpmath.workdps(60):
        one, two = mpmath.mpf(n_1), mpmath.mpf(n_2)

        def equation(y: mpmath.mpf) -> mpmath.mpf:
            g = sum(mpmath.mpf(v) / (1 + v * y) for v in s) / one - 1 / y
            return (one + two - P) / one + g * (1 + y)

        low = mpmath.log(one / two / (2 * max(1, s.max())))
        high = mpmath.log(one / two * 2 / min(1, s.min()))
        for _ in range(80):
            middle = (low + high) / 2
            rising = equation(mpmath.exp(middle)) < 0
            low, high = (middle, high) if rising else (low, middle)
        return float(str(mpmath.exp(high)))


@pytest.mark.parametrize(
    "kind", ["equal", "twelve decades", "two plateaus", "weak", "strong"]
)
@pytest.mark.parametrize(
    "sizes", [(5, 30), (6, 24), (100, 12.5), (1e9, 30), (1e-3, 13), (11, 2)]
)
def test_the_root_is_that_of_sixty_digits(kind, sizes):
    s = spectrum(kind)
    one, two, p = (jnp.asarray(float(v)) for v in (*sizes, P))
    found = SOLVE(one, two, p, jnp.asarray(s))
    np.testing.assert_allclose(found, by_bisection(sizes[0], sizes[1], s), rtol=EXACT)


def test_equal_covariances_give_the_ratio_of_sizes_and_no_source_gives_zero():
    two, p = jnp.asarray(20.0), jnp.asarray(float(P))
    for n_1 in (0.0, 1e-300, 3.0, 1e12):
        found = SOLVE(jnp.asarray(n_1), two, p, jnp.ones(P))
        np.testing.assert_allclose(found, n_1 / 20, rtol=EXACT)


@pytest.mark.long
def test_second_derivatives_are_those_of_the_equation():
    s, p = jnp.asarray(np.geomspace(0.01, 100, P)), jnp.asarray(float(P))
    slope = jax.grad(lambda n: source_ratio(n, jnp.asarray(20.0), p, s))
    differences_agree(slope, (15.0,), step=1e-5, rtol=1e-7)
    edge = 1 / (20 - P + np.sum(s))
    np.testing.assert_allclose(slope(jnp.asarray(0.0)), edge, rtol=EXACT)


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
