"""Weights of tasks, and the messages for those that cannot be used."""

from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float
from numpy.typing import ArrayLike


def check_weights(
    weights: ArrayLike | None,
    count: int,
    dtype: jnp.dtype | None = None,
    *,
    several: bool = False,
) -> Float[Array, "*a k"]:
    """Return weights `α_i` as floats, ones where none are given.

    Values are checked unless they are traced.

    Args:
        weights: One a task; or, if several are allowed, one row a vector.
        count: Number `k` of tasks.
        dtype: Of the result; that of the weights if not given.
        several: Allow more than one vector.

    Raises:
        ValueError: The wrong length, or a value that is no number, negative or not
            finite, or all zero. The message names the task.
    """
    if weights is None:
        return jnp.ones(count, dtype)
    leaves = jax.tree.leaves(weights)
    if not any(isinstance(leaf, Tracer) for leaf in leaves):
        _check_numbers(weights)
    alpha = jnp.asarray(weights, dtype)
    if not jnp.issubdtype(alpha.dtype, jnp.floating):
        alpha = alpha.astype(float)
    if alpha.shape[-1:] != (count,) or not 1 <= alpha.ndim <= 1 + several:
        raise ValueError(
            f"weights must have one entry a task: {count} tasks, shape {alpha.shape}"
        )
    if isinstance(alpha, Tracer):
        return alpha
    known = np.asarray(alpha)
    bad = np.argwhere(~(np.isfinite(known) & (known >= 0)))
    if len(bad):
        raise ValueError(
            f"task {bad[0][-1]}: weights must be finite and >= 0, got "
            f"{known[tuple(bad[0])]}"
        )
    if not known.any(axis=-1).all():
        raise ValueError("weights are all zero: at least one task must count")
    return alpha


def _check_numbers(weights: Any) -> None:
    """Refuse text, complex numbers and objects, which jax may convert or choke on."""
    if isinstance(weights, jax.Array | np.ndarray) and weights.dtype.kind in "fiub":
        return
    for index, value in np.ndenumerate(np.asarray(weights, dtype=object)):
        real = isinstance(value, Array) and value.dtype.kind in "fiub"
        if not real and not isinstance(value, Real | np.bool_):
            task = index[-1] if index else 0
            raise ValueError(f"task {task}: weights must be numbers, got {value!r}")
