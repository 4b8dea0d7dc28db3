"""What a draw may be asked for, and the messages for what it may not."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import is_traced

_Test = Callable[[np.ndarray], np.ndarray]


class Draw(NamedTuple):
    """Arguments of a draw as floats; `noise` and `samples` with one entry a task."""

    root: Float[Array, "*r d d"]
    parameter: Float[Array, "*k d"]
    noise: Float[Array, "*k"]
    samples: Float[Array, "*k"]


def check_draw(
    covariance_root: ArrayLike,
    parameter: ArrayLike,
    noise: ArrayLike,
    samples: ArrayLike,
) -> Draw:
    """Convert and check; values that jax is tracing are taken as they are.

    Raises:
        ValueError: Shapes that do not fit; a parameter or root that is not finite;
            noise that is negative or not finite; samples that are below 1 or not
            whole. The message names the field, the task and the value.
    """
    dtype = jnp.zeros(0).dtype
    theta = jnp.asarray(parameter, dtype)
    root = jnp.asarray(covariance_root, dtype)
    if theta.ndim not in (1, 2) or not theta.size:
        raise ValueError(f"parameter must be d or k x d, got shape {theta.shape}")
    square = (theta.shape[-1],) * 2
    if root.shape not in (square, theta.shape[:-1] + square):
        raise ValueError(
            f"covariance_root has shape {root.shape}; parameter of shape {theta.shape}"
            f" needs {square}" + (" or one such a task" if theta.ndim == 2 else "")
        )
    _check_values("covariance_root", root, np.isfinite, "finite")
    _check_values("parameter", theta, np.isfinite, "finite")
    sigma = _one_a_task("noise", jnp.asarray(noise, dtype), theta.shape[:-1])
    count = _one_a_task("samples", jnp.asarray(samples, dtype), theta.shape[:-1])
    _check_values("noise", sigma, _is_noise, "finite and >= 0")
    _check_values("samples", count, _is_count, "a whole number >= 1")
    return Draw(root, theta, sigma, count)


def _one_a_task(field: str, value: Array, shape: tuple[int, ...]) -> Array:
    if value.shape not in ((), shape):
        wanted = f"a number or one a task, {shape}" if shape else "a number"
        raise ValueError(f"{field} must be {wanted}, got shape {value.shape}")
    return jnp.broadcast_to(value, shape)


def _check_values(field: str, value: Array, allowed: _Test, rule: str) -> None:
    if is_traced(value):
        return
    known = np.atleast_1d(np.asarray(value))
    bad = np.argwhere(~allowed(known))
    if len(bad):
        place = f"{list(map(int, bad[0]))}" if value.ndim else ""
        raise ValueError(f"{field}{place} must be {rule}, got {known[tuple(bad[0])]:g}")


def _is_noise(value: np.ndarray) -> np.ndarray:
    return np.isfinite(value) & (value >= 0)


def _is_count(value: np.ndarray) -> np.ndarray:
    # NaN and infinity have a remainder that is NaN, so they fail the comparison.
    with np.errstate(invalid="ignore"):
        return (np.mod(value, 1) == 0) & (value >= 1)
