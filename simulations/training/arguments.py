"""What training may be asked for, and the messages for what it may not."""

import operator
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from simulations.training.model import Model
from simulations.training.ranges import check_range
from simulations.training.result import Parameters
from theory import arguments
from theory.arguments import is_traced


def check_weights(
    weights: ArrayLike | None, model: Model, *, several: bool = False
) -> Float[Array, "*a k"]:
    """Weights `α_i` in the model's precision, ones where none are given.

    Raises:
        ValueError: As `theory.arguments.check_weights`; or the largest is outside the
            range of `check_range`.
    """
    alpha = arguments.check_weights(weights, model.count, model.dtype, several=several)
    if not is_traced(alpha):
        known = np.atleast_2d(np.asarray(alpha))
        largest, task = known.max(axis=-1), known.argmax(axis=-1)
        check_range(largest, model.dtype, lambda i: f"task {task[i]}: the weight")
    return alpha


def whole(field: str, value: object) -> int:
    """A positive integer.

    Raises:
        ValueError: It is none, or traced.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise ValueError(f"{field} must be an integer, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError as error:
        raise ValueError(
            f"{field} must be an integer, got {value!r}; give columns if it is traced"
        ) from error
    if number < 1:
        raise ValueError(f"{field} must be >= 1, got {number}")
    return number


def check_key(field: str, key: object, axes: int = 0) -> None:
    """Refuse what is no key of `jax.random`, or keys with other axes than these.

    Raises:
        ValueError: It is none. The message names the field.
    """
    if not (
        isinstance(key, jax.Array)
        and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        and key.ndim == axes
    ):
        needed = "an axis of keys" if axes else "one key"
        raise ValueError(
            f"{field}: {needed} of jax.random is needed, such as jax.random.key(0), "
            f"got {key!r}"
        )


def check_initial(
    initial: Parameters, model: Model, width: SupportsIndex | Array, columns: int
) -> None:
    """Refuse starts that are not points of the model.

    Raises:
        ValueError: A shape does not fit, a value that is known is not finite, or not
            zero in a column from `width` on. The message names the field.
    """
    n = initial.shared.shape[0]
    wanted = {
        "shared": (n, model.dimension, columns),
        "heads": (n, model.count, columns),
        "bias": (n, model.count) if model.has_bias else None,
    }
    for field, shape in wanted.items():
        value = getattr(initial, field)
        found = None if value is None else value.shape
        if found != shape:
            raise ValueError(f"initial.{field} has shape {found}, wanted {shape}")
        if value is None or is_traced(value):
            continue
        known = np.asarray(value)
        bad = np.argwhere(~np.isfinite(known))
        if len(bad):
            raise ValueError(
                f"initial.{field} has {known[tuple(bad[0])]} in start {bad[0][0]}: a "
                "start must be finite"
            )
        masked = field != "bias" and not is_traced(width)
        if masked and known[..., operator.index(width) :].any():
            raise ValueError(
                f"initial.{field} must be zero in columns from width = {width} on"
            )
