"""Real numbers as floating-point arrays of jax, and a message for what is none."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike

from theory.task_checks import is_traced


def as_floats(name: str, values: float | ArrayLike, *, finite: bool = True) -> Array:
    """Return real numbers as a floating-point array of jax.

    Raises:
        ValueError: They are not real numbers, or, unless traced, not finite.
    """
    try:
        array = values if isinstance(values, jax.Array) else np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is not an array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got {array.dtype}")
    floats = jnp.asarray(array)
    if not jnp.issubdtype(floats.dtype, jnp.floating):
        floats = floats.astype(float)
    if finite and not is_traced(floats):
        bad = np.argwhere(~np.isfinite(np.asarray(floats)))
        if len(bad):
            where = tuple(int(index) for index in bad[0])
            raise ValueError(f"{name} has {floats[where]} at {where}: must be finite")
    return floats
