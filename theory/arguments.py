"""What a risk may be asked for, and the messages for what it may not."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.task_checks import is_traced


def check_number(
    name: str, value: Any, *, positive: bool = False
) -> Float[Array, "*batch"]:
    """Return a real argument as 64-bit floats.

    Values are checked unless they are traced.

    Args:
        name: What the message calls it.
        value: A number, or an array of numbers to broadcast over.
        positive: It must exceed 0; else 0 will do.

    Raises:
        ValueError: Not real numbers, not finite, or out of range; or the floats are
            32-bit.
    """
    number = check_reals(name, value)
    if is_traced(number):
        return number
    known = np.asarray(number)
    wanted = "> 0" if positive else ">= 0"
    good = np.isfinite(known) & (known > 0 if positive else known >= 0)
    if not good.all():
        raise ValueError(
            f"{name} must be finite and {wanted}, got {known[~good].flat[0]}"
        )
    return number


def check_spectrum(
    spectrum: ArrayLike | Sequence[float], dimension: Float[Array, "..."]
) -> Float[Array, "*batch p"]:
    """Return the eigenvalues of `Σ_1`, checked for number and sign unless traced.

    Raises:
        ValueError: Not one eigenvalue a dimension, or one that is not finite or not
            positive. The message names the eigenvalue.
    """
    values = check_reals("source_spectrum", spectrum)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(
            "source_spectrum must list the eigenvalues of Σ_1, one a dimension, got "
            f"shape {values.shape}"
        )
    count = values.shape[-1]
    if not is_traced(dimension) and not np.all(np.asarray(dimension) == count):
        raise ValueError(
            f"source_spectrum has {count} eigenvalues, and dimension is "
            f"{np.unique(np.asarray(dimension))}: give one eigenvalue a dimension"
        )
    if is_traced(values):
        return values
    known = np.asarray(values)
    good = np.isfinite(known) & (known > 0)
    if not good.all():
        index = int(np.argmin(good.reshape(-1, count).all(axis=0)))
        raise ValueError(
            f"source_spectrum[{index}] must be finite and > 0, got "
            f"{known[~good].flat[0]}: give directions that the source never sees a "
            "small eigenvalue, such as 1e-12 of the largest"
        )
    return values


def check_reals(name: str, value: Any) -> Float[Array, "*shape"]:
    """Return `value` as 64-bit floats, of any sign.

    Raises:
        ValueError: Not real numbers, or the floats would be 32-bit.
    """
    if not is_traced(*jax.tree.leaves(value)):
        try:
            kind = np.asarray(value).dtype.kind
        except (TypeError, ValueError):
            kind = "O"
        if kind not in "fiu":
            raise ValueError(f"{name} must be real numbers, got {value!r}")
    number = jnp.asarray(value, float)
    if number.dtype != jnp.float64:
        raise ValueError(
            "a risk needs 64-bit floats: call jax.config.update('jax_enable_x64', "
            "True), or set JAX_ENABLE_X64=1"
        )
    return number


def check_finite(name: str, value: Any) -> Float[Array, "*shape"]:
    """Return `value` as 64-bit floats, all finite unless traced.

    Raises:
        ValueError: Not real numbers, or one that is not finite.
    """
    number = check_reals(name, value)
    if not is_traced(number) and not np.isfinite(np.asarray(number)).all():
        raise ValueError(f"{name} has a NaN or an infinity")
    return number
