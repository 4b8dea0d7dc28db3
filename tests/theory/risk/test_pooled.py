import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from tests.theory.differences import differences_agree
from tests.theory.risk.monte_carlo import assert_limit, measure
from theory.risk import pooled_risk
from theory.risk.fixed_point import source_ratio

P = 40
ONE = np.ones(P)
WIDE = np.geomspace(0.02, 20, P)
SIZES = [(1, 60), (10, 60), (60, 50), (150, 45), (60, 30)]


@pytest.mark.parametrize("sizes", SIZES)
def test_exact_risk_of_equal_covariances_is_the_mean_of_draws(sizes):
    found = pooled_risk(sizes[0], sizes[1], P, 1, 0.5, finite=True)
    measured = measure(np.random.default_rng(sum(sizes)), sizes, ONE, 300)
    both = np.array([found.bias, found.variance])
    assert np.all(abs(both - measured.mean) < 5 * measured.error), (both, measured)


@pytest.mark.parametrize("sizes", [(2, 9), (7, 9), (30, 8)])
def test_exact_risk_holds_for_any_covariance_and_a_fixed_shift(sizes):
    rng, d = np.random.default_rng(sum(sizes)), 4
    root, shift = rng.normal(size=(d, d)) + 2 * np.eye(d), rng.normal(size=d)
    first, second = (rng.normal(size=(20_000, n, d)) @ root.T for n in sizes)
    source = np.swapaxes(first, 1, 2) @ first
    inverse = np.linalg.inv(source + np.swapaxes(second, 1, 2) @ second)
    bias = np.sum((inverse @ source @ shift @ root) ** 2, axis=1)
    variance = np.einsum("ij,nji->n", root @ root.T, inverse)
    size = np.sum((shift @ root) ** 2)
    found = pooled_risk(sizes[0], sizes[1], d, 1, size / 2, finite=True)
    for values, exact in ((bias, found.bias), (variance, found.variance)):
        assert abs(values.mean() - exact) < 5 * values.std() / np.sqrt(len(values))


def test_exact_risk_in_one_dimension_is_the_square_of_a_beta():
    # p = 1: S_1/(S_1 + S_2) is Beta(n_1/2, n_2/2). Small n show every −1 and −2.
    for n, m in ((1, 2), (2, 3), (5, 4)):
        found = pooled_risk(n, m, 1, 1, 0.5, finite=True)
        square = n * (n + 2) / ((n + m) * (n + m + 2))
        np.testing.assert_allclose(found.bias, square, rtol=1e-14)
        np.testing.assert_allclose(found.variance, 1 / (n + m - 2), rtol=1e-14)


@pytest.mark.parametrize("sizes", SIZES)
def test_limit_is_what_draws_of_two_sizes_extrapolate_to(sizes):
    rng = np.random.default_rng(sum(sizes))
    found = pooled_risk(sizes[0], sizes[1], P, 1, 0.5, source_spectrum=WIDE)
    small = measure(rng, (sizes[0], sizes[1]), WIDE, 300)
    large = measure(rng, (2 * sizes[0], 2 * sizes[1]), np.repeat(WIDE, 2), 150)
    assert_limit(found, small, large, sum(sizes) - P)


@pytest.mark.long
def test_a_flat_spectrum_gives_equal_covariances_and_large_samples_the_limit():
    n_1 = np.array([0.0, 3.0, 40.0, 1e4, 1e12])
    flat = pooled_risk(n_1, 60, P, 2, 3, source_spectrum=ONE)
    equal = pooled_risk(n_1, 60, P, 2, 3)
    for name in ("bias", "variance", "total", "single_task"):
        # Sums of P terms of one sign.
        np.testing.assert_allclose(
            getattr(flat, name), getattr(equal, name), rtol=50 * 2.3e-16
        )
    exact = pooled_risk(n_1[1:-1] * 1e9, 6e10, P * 1e9, 2, 3, finite=True)
    np.testing.assert_allclose(exact.bias, equal.bias[1:-1], rtol=1e-6)
    np.testing.assert_allclose(exact.variance, equal.variance[1:-1], rtol=1e-6)


@pytest.mark.parametrize("n_1", [1, 30, 50, 1e6])
def test_variance_under_covariate_shift_solves_the_equations_of_a_1_and_a_2(n_1):
    n = n_1 + 45

    def excess(a_1: float) -> float:
        return a_1 + np.sum(WIDE * a_1 / (WIDE * a_1 + 1 - P / n - a_1)) / n - n_1 / n

    low, high = max(0.0, (n_1 - P) / n), min(n_1 / n, 1 - P / n)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    variance = np.sum(1 / (WIDE * low + 1 - P / n - low)) / n
    found = pooled_risk(n_1, 45, P, 1, 0, source_spectrum=WIDE)
    # Rounding of sums of P terms, over a_2 = 1 - P/n - a_1, which is at least 5/n.
    rounding = 100 * np.finfo(float).eps * n / 5
    np.testing.assert_allclose(found.total, variance, rtol=rounding)


def as_printed(y: mpmath.mpf, sizes: tuple, s: np.ndarray) -> tuple[float, float]:
    """Bias over 2μ², variance over σ²: docs/mathematics.md, "Both shifts", by g, g'."""
    n_1, n_2 = (mpmath.mpf(v) for v in sizes)
    p = len(s)
    g = sum(mpmath.mpf(v) / (1 + v * y) for v in s) / n_1 - 1 / y
    slope = 1 / y**2 - sum((mpmath.mpf(v) / (1 + v * y)) ** 2 for v in s) / n_1
    f_1 = n_1 * y / p + (n_1 - p) / (p * g)
    f_2 = n_1 / (p * slope) - (n_1 - p) / (p * g**2)
    f_3 = -g
    bias = (1 - 2 * f_1 * f_3 + f_2 * f_3**2) / (1 - f_2 * f_3**2 * p / n_2)
    return float(bias), float(p * f_1 / n_1)


@pytest.mark.parametrize("decades", [1, 6, 12])
@pytest.mark.parametrize("n_1", [1, 30, 50, 1e6])
def test_no_digit_is_lost_against_the_printed_form_in_sixty_digits(decades, n_1):
    s = 10 ** np.linspace(-decades, 0, P) * 10 ** (decades / 2)
    found = pooled_risk(n_1, 41, P, 1, 0.5, source_spectrum=s)
    with mpmath.workdps(60):
        sizes = (jnp.asarray(float(v)) for v in (n_1, 41, P))
        start = source_ratio(*sizes, jnp.asarray(s))
        y = mpmath.findroot(
            lambda y: (
                (n_1 + 41 - P) * y / (1 + y)
                + sum(v * y / (1 + v * y) for v in map(mpmath.mpf, s))
                - n_1
            ),
            mpmath.mpf(float(start)),
        )
        expected = as_printed(y, (n_1, 41), s)
    np.testing.assert_allclose([found.bias, found.variance], expected, rtol=1e-13)


def test_no_source_is_the_single_task_and_a_source_below_p_is_fine():
    none = pooled_risk(0, 60, P, 1, 5, source_spectrum=WIDE)
    assert none.bias == 0
    np.testing.assert_allclose(none.total, none.single_task, rtol=1e-14)
    tiny = pooled_risk(1e-9, 60, P, 1, 5, source_spectrum=WIDE)
    np.testing.assert_allclose(tiny.total, none.total, rtol=1e-8)
    for finite in (False, True):
        none = pooled_risk(0, 60, P, 1, 5, finite=finite)
        assert none.bias == 0
        np.testing.assert_allclose(none.total, none.single_task, rtol=1e-14)


@pytest.mark.parametrize("spectrum", [None, WIDE])
def test_too_few_samples_are_infinite_and_never_nan(spectrum):
    few = pooled_risk(30, 40, P, 1, 1, source_spectrum=spectrum)
    assert few.single_task == np.inf
    assert np.isfinite(few.total)
    assert few.gain == np.inf
    fewer = pooled_risk(10, 30, P, 1, 1, source_spectrum=spectrum)
    assert fewer.total == fewer.single_task == np.inf
    assert fewer.gain == 0
    none = pooled_risk(0, 30, P, 1, 1, source_spectrum=spectrum)
    assert none.bias == 0
    assert none.variance == np.inf


def test_exact_risk_is_infinite_up_to_one_sample_above_p():
    assert pooled_risk(1, 40, P, 1, 1, finite=True).total == np.inf
    assert pooled_risk(2, 41, P, 1, 1, finite=True).single_task == np.inf
    assert np.isfinite(pooled_risk(2, 40, P, 1, 1, finite=True).total)


@pytest.mark.parametrize(
    "kind", [pytest.param("limit", marks=pytest.mark.long), "equal", "finite"]
)
def test_gradients_are_those_of_differences(kind):
    def total(x: jax.Array, s: jax.Array) -> jax.Array:
        spectrum = s if kind == "limit" else None
        return pooled_risk(*x, source_spectrum=spectrum, finite=kind == "finite").total

    point = np.array([25.0, 60.0, P, 0.7, 1.3])
    differences_agree(total, (point, WIDE), step=1e-5, rtol=1e-7)


@pytest.mark.long
def test_gradients_at_the_edges_are_numbers():
    def gain(n: jax.Array, n_2: float) -> jax.Array:
        return pooled_risk(n, n_2, P, 1, 1, source_spectrum=WIDE).total

    slope = jax.jit(jax.grad(gain))
    edge = float(slope(0.0, 60.0))
    step = 1e-6
    alone = pooled_risk(0, 60, P, 1, 1, source_spectrum=WIDE).total
    near = pooled_risk(step, 60, P, 1, 1, source_spectrum=WIDE).total
    np.testing.assert_allclose(edge, (near - alone) / step, rtol=1e-4)
    assert np.isfinite(slope(5.0, 20.0))


@pytest.mark.long
def test_vmap_and_broadcasting_agree_with_one_at_a_time():
    n_1, spectra = np.array([0.0, 7.0, 90.0]), np.stack([ONE, WIDE, WIDE[::-1] ** 2])

    def one(n: jax.Array, s: jax.Array) -> jax.Array:
        return pooled_risk(n, 60, P, 1, 1, source_spectrum=s).total

    many = jax.jit(jax.vmap(one))(n_1, spectra)
    broadcast = pooled_risk(n_1, 60, P, 1, 1, source_spectrum=spectra).total
    each = [float(one(n, s)) for n, s in zip(n_1, spectra, strict=True)]
    np.testing.assert_allclose(many, each, rtol=1e-14)
    np.testing.assert_allclose(broadcast, each, rtol=1e-14)
