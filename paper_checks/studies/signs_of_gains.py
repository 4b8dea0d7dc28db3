"""What drawn samples say of the sign of a gain, as the source grows."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from simulations.draws.pooled_draws import PooledDraws, pooled_draws

# Errors from zero beyond which a sign is settled: one in 3e4 would be wrong by chance.
SETTLED = 4.0


def draws_over_sizes(
    seed: int,
    draws: int,
    spectrum: Float[np.ndarray, " p"],
    sizes: Sequence[int],
    samples_target: int,
) -> list[PooledDraws]:
    """`pooled_draws` at each source size, on the same normals."""
    keys = jax.random.split(jax.random.key(seed), draws)
    values = jnp.asarray(spectrum)
    return [pooled_draws(keys, values, int(n), samples_target) for n in sizes]


def settled_sign(gains: Float[np.ndarray, " n"]) -> int:
    """Sign of the mean of draws, 0 within `SETTLED` standard errors of zero."""
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    mean = float(gains.mean())
    return int(np.sign(mean)) if abs(mean) > SETTLED * error else 0


def pattern(signs: Sequence[int]) -> str:
    """Signs in a row, without repeats and without what is not settled: `+-+`."""
    told = ""
    for sign in signs:
        mark = {1: "+", -1: "-", 0: ""}[sign]
        told += "" if told.endswith(mark) else mark
    return told
