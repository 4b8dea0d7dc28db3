import jax
import numpy as np
import pytest
from jax.typing import ArrayLike

from theory.risk import (
    best_head_ratio,
    best_source_size,
    crossings,
    pooled_risk,
    scalar_heads_risk,
)

P = 12
LARGEST = 1e5
SIZE = jax.jit(
    lambda n, noise, shift, s: best_source_size(
        n, P, noise, shift, source_spectrum=s, n_source_max=LARGEST
    )
)
POOLED = jax.jit(
    lambda m, n, noise, shift, s: (
        pooled_risk(m, n, P, noise, shift, source_spectrum=s).total
    )
)
RATIO = jax.jit(
    lambda m, n, noise, shift, common, s: best_head_ratio(
        m, n, P, noise, shift, common, source_spectrum=s
    )
)
HEADS = jax.jit(
    lambda w, m, n, noise, shift, common, s: (
        scalar_heads_risk(w, m, n, P, noise, shift, common, source_spectrum=s).total
    )
)


def drawn(seed: int) -> tuple[np.random.Generator, float, float, np.ndarray]:
    rng = np.random.default_rng(seed)
    atoms = 10 ** rng.uniform(-3, 3, rng.integers(1, 5))
    s = atoms[rng.integers(0, len(atoms), P)]
    return rng, float(rng.integers(5, 60)), 10 ** rng.uniform(-2, 0.5), s


def check_size(seed: int) -> float:
    """Compare with 20 000 sizes; returns the best."""
    _, n, shift, s = drawn(seed)
    best = float(SIZE(n, 1.0, shift, s))
    sizes = np.concatenate([[0], np.geomspace(1e-6, LARGEST, 20000)])
    risks = np.asarray(POOLED(sizes, n, 1.0, shift, s))
    found = float(POOLED(best, n, 1.0, shift, s))
    # The risk is rounded; where it is least a size's rounding does not count.
    assert found <= np.min(risks) * (1 + 1e-13), (seed, best, found, np.min(risks))
    return best


def check_ratio(seed: int) -> float:
    """Compare with 4 000 ratios and both ends; returns the best."""
    rng, n, shift, s = drawn(seed)
    m, common = float(rng.integers(1, 200)), 10 ** rng.uniform(-2, 1)
    shift *= 0.1
    found = RATIO(m, n, 1.0, shift, common, s)
    ratios = np.geomspace(1e-7, 1e7, 4000)
    risks = np.asarray(HEADS(ratios, m, n, 1.0, shift, common, s))
    least = min(np.min(risks), float(found.risk.single_task))
    if m >= P:
        least = min(least, common + shift)
    assert found.risk.total <= least * (1 + 1e-13), (seed, found, least)
    if 0 < found.ratio < np.inf:
        again = HEADS(np.full(4000, found.ratio), m, n, 1.0, shift, common, s)[0]
        np.testing.assert_allclose(again, found.risk.total, rtol=1e-13)
    # A risk that no ratio has would pass above.
    if found.ratio == np.inf and m >= P:
        np.testing.assert_allclose(found.risk.total, common + shift, rtol=1e-14)
    return float(found.ratio)


@pytest.mark.long
def test_no_size_of_a_grid_is_better():
    found = np.array([check_size(seed) for seed in range(25)])
    assert np.any(found == 0)
    assert np.any((found > 0) & (found < LARGEST))


@pytest.mark.long
def test_no_size_or_ratio_of_a_grid_is_better_in_five_hundred_draws():
    for seed in range(500):
        check_size(seed)
        check_ratio(seed)


@pytest.mark.long
def test_no_ratio_of_a_grid_is_better():
    found = np.array([check_ratio(seed) for seed in range(12)])
    assert np.any((found > 0) & (found < np.inf))


@pytest.mark.long
def test_ends_are_returned_exactly():
    s = np.geomspace(0.1, 10, P)
    assert SIZE(30.0, 1.0, 0.0, s) == LARGEST
    assert SIZE(30.0, 0.0, 1.0, s) == 0
    assert SIZE(30.0, 1.0, 100.0, s) == 0
    assert SIZE(1e-9, 1.0, 1.0, np.full(P, 1e-3)) > P


@pytest.mark.long
def test_ends_of_ratios_are_returned_exactly():
    s = np.geomspace(0.1, 10, P)
    assert RATIO(0.0, 30.0, 1.0, 1.0, 1.0, s).ratio == 0
    silent = RATIO(50.0, 30.0, 1.0, 0.0, 0.0, s)
    assert silent.ratio == np.inf
    assert silent.risk.total == 0
    few = best_source_size(3.0, P, 1, 1, source_spectrum=s, n_source_max=4)
    assert few == 0


@pytest.mark.long
def test_equal_covariances_and_derivatives():
    # Up to the only crossing sharing pays, and the best size lies before it.
    best = best_source_size(60.0, P, 1.0, 0.15, n_source_max=LARGEST)
    last = crossings(60.0, P, 1.0, 0.15, n_source_max=LARGEST)[-1]
    assert 0 < best < last
    s = np.geomspace(0.1, 10, P)

    def size(shift: ArrayLike) -> jax.Array:
        return SIZE(30.0, 1.0, shift, s)

    slope, step = jax.grad(size)(0.3), 1e-5
    change = size(0.3 + step) - size(0.3 - step)
    # Bisection ends at the slope's rounding; then ε/h of it, and h².
    np.testing.assert_allclose(slope, change / (2 * step), rtol=1e-5)
    ratio = jax.grad(lambda x: RATIO(30.0, 30.0, 1.0, x, 2.0, s).risk.total)(0.3)
    up, down = (
        RATIO(30.0, 30.0, 1.0, 0.3 + x, 2.0, s).risk.total for x in (step, -step)
    )
    np.testing.assert_allclose(ratio, (up - down) / (2 * step), rtol=1e-7)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"n_target must be one number.*vmap"):
        best_source_size(np.ones(2), P, 1, 1, n_source_max=9)
    with pytest.raises(ValueError, match="n_source_max must be finite"):
        best_source_size(30, P, 1, 1, n_source_max=np.inf)
    with pytest.raises(ValueError, match=r"n_source has one axis too many.*vmap"):
        best_head_ratio(np.ones(2), 30, 2, 1, 1, 1, source_spectrum=np.ones(2))
