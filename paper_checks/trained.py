"""Many problems trained at once, by one program for all claims of one shape."""

from functools import partial

import jax
from jaxtyping import Array, Float, Key

from simulations.training import Trained, train_linear
from theory.tasks import TaskStatistics


@partial(jax.jit, static_argnames=("width", "starts"))
def train_each(
    problems: TaskStatistics,
    width: int,
    weights: Float[Array, "n k"],
    keys: Key[Array, " n"],
    *,
    starts: int = 4,
) -> Trained:
    """`train_linear` on each of `n` stacked problems.

    Compilation is most of its cost, so claims use few shapes `(n, k, d, width)`.
    """
    return jax.vmap(lambda s, w, k: train_linear(s, width, w, k, starts=starts))(
        problems, weights, keys
    )
