"""What is dropped is drawn evenly and apart; gelu is BERT's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from paper_checks.bert import layers
from paper_checks.bert.layers import activate

# One program a shape: operation by operation it is some twenty.
drop = jax.jit(layers.drop, static_argnums=1)
GENERATORS = ("threefry2x32", "unsafe_rbg")


@pytest.mark.parametrize("generator", GENERATORS)
def test_marks_are_met_in_share_and_independent(generator: str):
    """Of neighbours, of rows, and of the two draws that a word is cut into."""
    key = jax.random.key(3, impl=generator)
    rows, width, share = 8, 4096, 0.25
    ones = jnp.ones((rows, width))
    found = np.asarray(drop(ones, share, key))
    assert layers.drop(ones, share, None) is ones
    assert np.allclose(found[found > 0], 1 / (1 - share))
    kept = found > 0
    spread = (share * (1 - share)) ** 0.5
    # Five standard errors, of each of some hundred numbers.
    assert abs(kept.mean() - (1 - share)) < 5 * spread / kept.size**0.5
    unit = (kept - (1 - share)) / spread
    flat = unit.ravel()
    lags = [1, 2, width // 4, width // 2, 3 * width // 4, width]
    for lag in lags:
        both = flat[:-lag] * flat[lag:]
        assert abs(both.mean()) < 5 / both.size**0.5, lag
    between = unit @ unit.T / width - np.eye(rows)
    np.fill_diagonal(between, 0)
    assert np.abs(between).max() < 5 / width**0.5


@pytest.mark.parametrize("generator", GENERATORS)
def test_any_shape_is_drawn(generator: str):
    key = jax.random.key(0, impl=generator)
    for shape in ((1,), (2, 3, 5)):
        found = np.asarray(drop(jnp.ones(shape, jnp.float32), 0.5, key))
        assert found.shape == shape
        assert set(np.unique(found)) <= {0.0, 2.0}


def test_keys_drop_apart():
    x = jnp.ones((4, 256), jnp.float32)
    one, other = (np.asarray(drop(x, 0.5, jax.random.key(n))) for n in (0, 1))
    # Of 1,024 fair coins: 0.5, with a deviation of 0.016. Keys alike give 1, words
    # taken for one another 0.
    assert 0.4 < np.mean(one == other) < 0.6


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_gelu_and_its_slope_are_those_of_the_normal_distribution(dtype):
    x = jnp.linspace(-6, 6, 97).astype(dtype)
    exact = np.asarray(x, dtype=np.float64)
    density = np.exp(-(exact**2) / 2) / (2 * np.pi) ** 0.5

    def near(found: jax.Array, expected: np.ndarray) -> bool:
        # Rounding of the result, and 6 * 2**-23 of 1 + erf in 32 bits.
        bound = float(jnp.finfo(dtype).eps) * np.abs(expected) + 1e-6
        return bool((np.abs(np.asarray(found, np.float64) - expected) <= bound).all())

    assert near(activate(x, "gelu"), exact * ndtr(exact))
    slopes = jax.grad(lambda x: jnp.sum(activate(x, "gelu")))(x)
    assert near(slopes, ndtr(exact) + exact * density)
