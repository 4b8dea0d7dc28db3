"""What a linear optimum may be asked for, and the messages for what it may not."""

import operator
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.semidefinite import check_semidefinite
from theory.tasks import TaskStatistics, check_range
from theory.weights import check_weights as weights_of_tasks

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
        ValueError: As `theory.weights.check_weights`; or one that is not 0 is outside
            `[1/MOST_WEIGHT, MOST_WEIGHT]`. The message names the task.
    """
    dtype = statistics.moment.dtype
    alpha = weights_of_tasks(weights, statistics.count, dtype)
    if is_traced(alpha):
        return alpha
    for index, value in enumerate(np.asarray(alpha)):
        if value != 0 and not 1 / MOST_WEIGHT <= value <= MOST_WEIGHT:
            raise ValueError(
                f"task {index}: weights must be 0 or within [{1 / MOST_WEIGHT:g}, "
                f"{MOST_WEIGHT:g}], got {value:g}: divide them by their largest"
            )
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
    check_semidefinite(gram, f"{task}: gram", ROUNDING)
    size = np.sqrt(diagonal)
    # As many rows as inputs are enough for any rank.
    rank = 1 if samples >= len(gram) else _clear_rank(gram, size)
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


def _clear_rank(gram: Float[np.ndarray, "d d"], size: Float[np.ndarray, " d"]) -> int:
    """Eigenvalues of the scaled matrix that no rounding explains."""
    unit = np.where(size > 0, size, 1)
    values = np.linalg.eigvalsh(gram / unit[:, None] / unit)
    return int(np.sum(values > ROUNDING * len(values)))


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


def _check_finite(field: str, values: Array) -> None:
    if is_traced(values):
        return
    by_task = np.isfinite(np.asarray(values)).reshape(len(values), -1).all(axis=1)
    if not by_task.all():
        task = int(np.argmin(by_task))
        raise ValueError(f"task {task}: {field} has a NaN or an infinity")
