"""Tasks on one `X` of unequal columns, and functions without their shape checks."""

import numpy as np
from hypothesis import strategies as st

SEED = st.integers(0, 2**31)
# (m, d, k, r); each is a compilation.
SHAPES = st.sampled_from([(30, 6, 4, 2), (50, 3, 5, 3), (20, 6, 3, 1), (40, 6, 8, 4)])


def problem(
    seed: int, shape: tuple[int, int, int, int], noise: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    m, d, k, _ = shape
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, d)) * np.geomspace(1, 10, d)
    y = x @ rng.normal(size=(d, k)) + noise * rng.normal(size=(m, k))
    return x, y
