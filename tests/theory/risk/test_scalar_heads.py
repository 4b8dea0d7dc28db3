"""The best ratio of heads against grids of ratios, and its derivative."""

import jax
import numpy as np
import pytest

from theory.risk import (
    best_head_ratio,
    scalar_heads_risk,
)

P = 12
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
def test_no_ratio_of_a_grid_is_better_in_five_hundred_draws():
    for seed in range(500):
        check_ratio(seed)


@pytest.mark.long
def test_no_ratio_of_a_grid_is_better():
    found = np.array([check_ratio(seed) for seed in range(12)])
    assert np.any((found > 0) & (found < np.inf))


@pytest.mark.long
def test_ends_of_ratios_are_returned_exactly():
    s = np.geomspace(0.1, 10, P)
    assert RATIO(0.0, 30.0, 1.0, 1.0, 1.0, s).ratio == 0
    silent = RATIO(50.0, 30.0, 1.0, 0.0, 0.0, s)
    assert silent.ratio == np.inf
    assert silent.risk.total == 0
