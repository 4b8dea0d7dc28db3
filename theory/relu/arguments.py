"""What a ReLU model may be asked for, and the messages for what it may not."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.floats import as_floats
from theory.semidefinite import check_semidefinite
from theory.task_checks import is_traced
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
        slack = ROUNDING * d * float(jnp.finfo(sigma.dtype).eps)
        check_semidefinite(np.asarray(sigma), label, slack)
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


def _broadcast(shapes: dict[str, tuple[int, ...]]) -> None:
    try:
        jnp.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"leading axes do not broadcast: shapes {shapes}") from None
