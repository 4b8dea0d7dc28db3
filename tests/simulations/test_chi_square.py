"""χ² draws against scipy's distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulations.sampling import sample_chi_square

COUNT = 20_000


@jax.jit
def drawn(freedom):
    return sample_chi_square(jax.random.key(0), jnp.full(COUNT, freedom))


# 0.3 and 1 are raised by one first; the last is where 1 − v + log v cancels most.
@pytest.mark.parametrize("freedom", [0.3, 1.0, 2.0, 3.0, 50.0, 1e7])
def test_the_law_is_chi_square(freedom):
    found = np.asarray(drawn(freedom))
    assert stats.kstest(found, stats.chi2(freedom).cdf).pvalue > 1e-3
    z = (found.mean() - freedom) / np.sqrt(2 * freedom / COUNT)
    assert abs(z) < 4


def test_entries_are_independent_and_no_freedom_is_zero():
    freedom = jnp.array([-3.0, 0.0, 1.0, 5.0, 5.0])
    keys = jax.random.split(jax.random.key(1), COUNT)
    found = np.asarray(jax.vmap(lambda key: sample_chi_square(key, freedom))(keys))
    assert np.all(found[:, :2] == 0)
    correlation = np.corrcoef(found[:, 2:].T)
    off = correlation[np.triu_indices(3, 1)]
    assert np.all(np.abs(off) < 4 / np.sqrt(COUNT))
    for column, own in zip(found[:, 2:].T, (1, 5, 5), strict=True):
        assert stats.kstest(column, stats.chi2(own).cdf).pvalue > 1e-3
