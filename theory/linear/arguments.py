"""What a linear optimum may be asked for, and the messages for what it may not."""

import operator
from numbers import Real
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.tasks import TaskStatistics, check_range

# A weighted sum of squares, and its square, must be within the range of floats.
MOST_WEIGHT = 1e50
# Of the largest eigenvalue or energy: what rounding may make negative of a Gram matrix.
ROUNDING = 1e-8


def check_width(width: object) -> int:
    """Return `width` as an int.

    Raises:
        ValueError: It is not an integer, or below 1.
    """
    if isinstance(width, bool) or not isinstance(width, SupportsIndex):
        raise ValueError(f"width must be an integer, got {width!r}")
    checked = operator.index(width)
    if checked < 1:
        raise ValueError(f"a shared module needs width >= 1, got {width}")
    return checked


def check_weights(
    weights: ArrayLike | None, statistics: TaskStatistics
) -> Float[Array, " k"]:
    """Return the weights `α_i`, ones where none are given.

    Values are checked unless they are traced.

    Raises:
        ValueError: The wrong length, or a value that is no number, negative or not
            finite, or all zero. The message names the task.
    """
    count = statistics.count
    if weights is None:
        return jnp.ones(count, statistics.moment.dtype)
    if not is_traced(*jax.tree.leaves(weights)):
        _check_numbers(weights)
    alpha = jnp.asarray(weights, statistics.moment.dtype)
    if alpha.shape != (count,):
        raise ValueError(
            f"weights must have one entry a task: {count} tasks, shape {alpha.shape}"
        )
    if is_traced(alpha):
        return alpha
    for index, value in enumerate(np.asarray(alpha)):
        if not np.isfinite(value) or value < 0:
            raise ValueError(
                f"task {index}: weights must be finite and >= 0, got {value}"
            )
        if value != 0 and not 1 / MOST_WEIGHT <= value <= MOST_WEIGHT:
            raise ValueError(
                f"task {index}: weights must be 0 or within [{1 / MOST_WEIGHT:g}, "
                f"{MOST_WEIGHT:g}], got {value:g}: divide them by their largest"
            )
    if not np.any(np.asarray(alpha) > 0):
        raise ValueError("weights are all zero: at least one task must count")
    return alpha


def check_statistics(
    statistics: TaskStatistics, *, certificate: bool = True
) -> TaskStatistics:
    """Check shapes, precision and, unless traced, that there may be such rows.

    Raises:
        ValueError: A field's shape does not fit, the floats are 32-bit, a value is
            not finite or out of range, or no rows have these statistics: `G` not
            symmetric or not positive semidefinite, fewer samples than its rank, or a
            moment larger than labels of this energy can have. The message names the
            task and the field.
    """
    k, d = statistics.moment.shape if statistics.moment.ndim == 2 else (0, 0)
    shapes = {"gram": (k, d, d), "moment": (k, d), "energy": (k,), "samples": (k,)}
    for field, shape in shapes.items():
        found = getattr(statistics, field).shape
        if not k or not d or found != shape:
            raise ValueError(
                f"{field} has shape {found}; statistics of k tasks need gram (k, d, d),"
                " moment (k, d), energy (k,) and samples (k,)"
            )
        _check_finite(field, getattr(statistics, field))
    if certificate:
        for field in ("gram", "moment", "energy"):
            require_64_bit(getattr(statistics, field))
        if not is_traced(*jax.tree.leaves(statistics)):
            for task in range(k):
                leaves = (
                    np.asarray(leaf)[task] for leaf in jax.tree.leaves(statistics)
                )
                _check_possible(f"task {task}", *leaves)
    return statistics


def _check_possible(
    task: str,
    gram: Float[np.ndarray, "d d"],
    moment: Float[np.ndarray, " d"],
    energy: float,
    samples: float,
) -> None:
    """Refuse statistics of no rows."""
    diagonal = np.diag(gram)
    check_range("gram's diagonal", task, diagonal, "the column")
    check_range("energy", task, energy, "the labels")
    if energy < 0 or (diagonal < 0).any():
        raise ValueError(f"{task}: energy and gram's diagonal are sums of squares >= 0")
    size = np.sqrt(diagonal)
    unit = np.where(size > 0, size, 1)
    scaled = gram / unit[:, None] / unit
    if np.abs(scaled - scaled.T).max() > ROUNDING:
        raise ValueError(f"{task}: gram is not symmetric")
    values = np.linalg.eigvalsh(scaled)
    if values[0] < -ROUNDING * len(values):
        raise ValueError(f"{task}: gram has a negative eigenvalue, and XᵀX has none")
    # Far from rounding, so that a rank is not doubted that rows may have.
    rank = int(np.sum(values > ROUNDING * len(values)))
    if not samples >= max(rank, 1):
        raise ValueError(
            f"{task}: samples is {samples:g}, and gram has rank {rank}: give the "
            "number of rows"
        )
    if (np.abs(moment) > (1 + ROUNDING) * size * np.sqrt(energy)).any():
        raise ValueError(
            f"{task}: moment is larger than |X_j||y|, which gram and energy give: they "
            "are not those of the same rows"
        )


def require_64_bit(array: Array) -> None:
    """Refuse to certify anything in 32-bit floats.

    Raises:
        ValueError: `array` is not 64-bit.
    """
    if array.dtype != jnp.float64:
        raise ValueError(
            f"a certificate needs 64-bit floats, and these statistics are "
            f"{array.dtype}: call jax.config.update('jax_enable_x64', True), or set "
            "JAX_ENABLE_X64=1, before the statistics are made"
        )


def is_traced(*values: object) -> bool:
    """Whether a value is unknown because jax is tracing."""
    return any(isinstance(value, Tracer) for value in values)


def _check_numbers(weights: ArrayLike) -> None:
    """Refuse text, complex numbers and objects, which jax may convert or choke on."""
    for task, value in enumerate(np.asarray(weights, dtype=object).ravel()):
        if not isinstance(value, Real | np.bool_ | Array):
            raise ValueError(f"task {task}: weights must be numbers, got {value!r}")


def _check_finite(field: str, values: Array) -> None:
    if is_traced(values):
        return
    by_task = np.isfinite(np.asarray(values)).reshape(len(values), -1).all(axis=1)
    if not by_task.all():
        task = int(np.argmin(by_task))
        raise ValueError(f"task {task}: {field} has a NaN or an infinity")
