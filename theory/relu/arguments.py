"""What a ReLU model may be asked for, and the messages for what it may not."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.linear.arguments import is_traced
from theory.tasks import Tasks

# A covariance may miss symmetry, or have eigenvalues below zero, by `8dε` of its
# size: a product XᵀX that was computed in floats does.
ROUNDING = 8


def check_vectors(**named: ArrayLike) -> tuple[Float[Array, "..."], ...]:
    """Return vectors as floating-point arrays of one `d`.

    Raises:
        ValueError: No axis, another `d`, leading axes that do not broadcast, or, unless
            traced, a value that is not finite. The message has the argument's name.
    """
    vectors = [as_floats(name, value) for name, value in named.items()]
    shapes = {name: v.shape for name, v in zip(named, vectors, strict=True)}
    if any(not v.ndim or not v.shape[-1] for v in vectors):
        raise ValueError(f"vectors need d >= 1 entries, got shapes {shapes}")
    if len({v.shape[-1] for v in vectors}) > 1:
        raise ValueError(f"vectors must have one d, got shapes {shapes}")
    _broadcast(shapes)
    return tuple(vectors)


def check_covariance(
    covariance: ArrayLike, shape: tuple[int, ...], label: str = "covariance"
) -> Float[Array, "*n d d"]:
    """Return `Σ`, made symmetric, as an array that fits vectors of `shape`.

    Raises:
        ValueError: Not d x d, leading axes that do not broadcast, or, unless traced, a
            value that is not finite, no symmetry, or a negative eigenvalue.
    """
    sigma, d = as_floats(label, covariance), shape[-1]
    if sigma.ndim < 2 or sigma.shape[-2:] != (d, d):
        raise ValueError(f"{label} must be {d} x {d}, got shape {sigma.shape}")
    _broadcast({"vectors": shape[:-1], label: sigma.shape[:-2]})
    if not is_traced(sigma):
        _check_semidefinite(np.asarray(sigma), label)
    return (sigma + jnp.swapaxes(sigma, -1, -2)) / 2


def check_tasks(tasks: Tasks, dimension: int | None = None) -> Tasks:
    """Check shapes and, unless traced, that values are finite and padding is zero.

    Args:
        tasks: The rows.
        dimension: The `d` that they must have, if any.

    Raises:
        ValueError: A field's shape does not fit, a value is not finite, or a padded row
            or label is not zero. The message names the task and the field.
    """
    x, y, mask = tasks.covariates, tasks.labels, tasks.mask
    if x.ndim != 3 or not x.size or y.shape != x.shape[:2] or mask.shape != y.shape:
        raise ValueError(
            f"tasks need covariates (k, m, d), labels (k, m) and mask (k, m), got "
            f"shapes {x.shape}, {y.shape} and {mask.shape}"
        )
    if dimension is not None and x.shape[2] != dimension:
        raise ValueError(f"covariates must have d = {dimension}, got d = {x.shape[2]}")
    if is_traced(x, y, mask):
        return tasks
    padded = ~np.asarray(mask)
    for field, values in (("covariates", np.asarray(x)), ("labels", np.asarray(y))):
        with np.errstate(over="ignore"):
            finite = np.isfinite(values**2).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            task = int(np.argmin(finite))
            raise ValueError(
                f"task {task}: {field} has a NaN or an infinity, or a value that is "
                "too large to be squared"
            )
        for task in range(len(values)):
            if np.any(values[task][padded[task]]):
                raise ValueError(
                    f"task {task}: {field} of padded rows, where mask is false, must "
                    "be zero"
                )
    return tasks


def check_weights(weights: ArrayLike | None, count: int) -> Float[Array, " k"]:
    """Return the weights `α_i`, ones where none are given.

    Raises:
        ValueError: The wrong length, or, unless traced, a value that is negative or not
            finite, or all zero. The message names the task.
    """
    if weights is None:
        return jnp.ones(count)
    alpha = as_floats("weights", weights, finite=False)
    if alpha.shape != (count,):
        raise ValueError(
            f"weights must have one entry a task: {count} tasks, shape {alpha.shape}"
        )
    if is_traced(alpha):
        return alpha
    for task, value in enumerate(np.asarray(alpha)):
        if not np.isfinite(value) or value < 0:
            raise ValueError(
                f"task {task}: weights must be finite and >= 0, got {value}"
            )
    if not np.any(np.asarray(alpha) > 0):
        raise ValueError("weights are all zero: at least one task must count")
    return alpha


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


def _broadcast(shapes: dict[str, tuple[int, ...]]) -> None:
    try:
        jnp.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"leading axes do not broadcast: shapes {shapes}") from None


def _check_semidefinite(sigma: np.ndarray, label: str) -> None:
    diagonal = np.diagonal(sigma, axis1=-2, axis2=-1)
    if np.any(diagonal < 0):
        raise ValueError(f"{label} has a variance {diagonal.min()} below zero")
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1))
    correlation = sigma / scale[..., :, None] / scale[..., None, :]
    slack = ROUNDING * sigma.shape[-1] * np.finfo(sigma.dtype).eps
    skew = np.abs(correlation - np.swapaxes(correlation, -1, -2)).max()
    if skew > slack:
        raise ValueError(f"{label} is not symmetric: entries differ by {skew:.1e}")
    # An input without variance has no covariance with others.
    least = np.linalg.eigvalsh((correlation + np.swapaxes(correlation, -1, -2)) / 2)
    if np.any(least[..., 0] < -slack * np.maximum(least[..., -1], 1)):
        raise ValueError(
            f"{label} has a negative eigenvalue ({least.min():.1e} after scaling to "
            "unit variances): no random vector has it"
        )
