"""What the matrices, the statistics and the rows of tasks must be."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory import arguments
from theory.arguments import (
    check_array,
    check_broadcast,
    check_shape,
    check_values,
    is_traced,
    refuse,
    require_64_bit,
)
from theory.rows import check_range
from theory.tasks import Tasks, TaskStatistics

# A weighted sum of squares, and its square, must be within the range of floats.
MOST_WEIGHT = 1e50
# Of the largest eigenvalue or energy: what rounding may make negative of a Gram matrix.
ROUNDING = 1e-8
# A covariance may miss symmetry, or have eigenvalues below zero, by `8dε` of its
# size: a product XᵀX that was computed in floats does.
COVARIANCE = 8


def check_weights(
    weights: ArrayLike | None, statistics: TaskStatistics
) -> Float[Array, " k"]:
    """Return the weights `α_i`, ones where none are given.

    Raises:
        ValueError: As `theory.arguments.check_weights`; or one that is not 0 is outside
            `[1/MOST_WEIGHT, MOST_WEIGHT]`. The message names the task.
    """
    alpha = arguments.check_weights(weights, statistics.count, statistics.moment.dtype)
    if not is_traced(alpha):
        known = np.asarray(alpha)
        bad = (known != 0) & ~((known >= 1 / MOST_WEIGHT) & (known <= MOST_WEIGHT))
        rule = f"0 or within [{1 / MOST_WEIGHT:g}, {MOST_WEIGHT:g}]"
        hint = ": divide them by their largest"
        refuse("weights", known, bad, rule, hint, tasks=True)
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
    check_shape("moment", statistics.moment, "k d")
    k, d = statistics.moment.shape
    shapes = {"gram": "k d d", "moment": "k d", "energy": "k", "samples": "k"}
    for field, shape in shapes.items():
        leaf = getattr(statistics, field)
        check_shape(field, leaf, shape, k=k, d=d)
        check_values(field, leaf, tasks=True)
    if certificate:
        for field in ("gram", "moment", "energy"):
            require_64_bit(field, getattr(statistics, field))
        if not is_traced(statistics):
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(statistics)]
            for task, own in enumerate(zip(*leaves, strict=True)):
                # One Gram matrix for all tasks is checked once.
                same = task > 0 and np.array_equal(own[0], leaves[0][0])
                _check_possible(f"task {task}", *own, checked=same)
    return statistics


def _check_possible(
    task: str,
    gram: Float[np.ndarray, "d d"],
    moment: Float[np.ndarray, " d"],
    energy: float,
    samples: float,
    *,
    checked: bool,
) -> None:
    """Refuse statistics of no rows; `checked` says that this Gram matrix was."""
    diagonal = np.diag(gram)
    check_range("gram's diagonal", task, diagonal, "the column")
    check_range("energy", task, energy, "the labels")
    if not checked:
        check_semidefinite(f"{task}: gram", gram, ROUNDING)
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
    check_shape("covariates", x, "k m d", d=dimension)
    k, m, _ = x.shape
    check_shape("labels", y, "k m", k=k, m=m)
    check_shape("mask", mask, "k m", k=k, m=m)
    if is_traced(tasks):
        return tasks
    padded = ~np.asarray(mask)
    for field, values in (("covariates", np.asarray(x)), ("labels", np.asarray(y))):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(values**2)
        refuse(field, values, bad, "finite, and so must its square", tasks=True)
        used = values != 0 if values.ndim == 2 else (values != 0).any(axis=2)
        for task in np.flatnonzero((used & padded).any(axis=1)):
            raise ValueError(
                f"task {task}: {field} of padded rows, where mask is false, must be "
                "zero"
            )
    return tasks


def check_gram(name: str, gram: Float[Array, "d d"]) -> None:
    """Refuse what is no Gram matrix.

    A sum over `m` rows is rounded by up to `mε` of its size, so symmetry and signs are
    asked for to `√ε`: directions below that a Gram matrix does not show anyway.
    """
    if not is_traced(gram):
        slack = float(jnp.finfo(gram.dtype).eps) ** 0.5
        check_semidefinite(name, np.asarray(gram), slack)


def check_grams(
    grams: object, covariance: object, tasks: str = "k"
) -> tuple[Float[Array, "k d d"], Float[Array, "d d"]]:
    """Return `S_i` in 64 bits, and `Σ_t`, the identity where none is given."""
    gram = check_array("grams", grams, f"{tasks} d d", double=True)
    d = gram.shape[1]
    if covariance is None:
        return gram, jnp.eye(d)
    name = "target_covariance"
    return gram, check_array(name, covariance, "d d", double=True, d=d)


def check_covariance(
    covariance: object, shape: tuple[int, ...], name: str = "covariance"
) -> Float[Array, "*n d d"]:
    """Return `Σ`, made symmetric, as an array that fits vectors of `shape`."""
    sigma, d = check_array(name, covariance), shape[-1]
    if sigma.shape[-2:] != (d, d):
        raise ValueError(f"{name} must be {d} x {d}, got shape {sigma.shape}")
    check_broadcast(**{"vectors": shape[:-1], name: sigma.shape[:-2]})
    if not is_traced(sigma):
        slack = COVARIANCE * d * float(jnp.finfo(sigma.dtype).eps)
        check_semidefinite(name, np.asarray(sigma), slack)
    return (sigma + jnp.swapaxes(sigma, -1, -2)) / 2


def check_semidefinite(
    name: str, matrices: Float[np.ndarray, "*n d d"], slack: float
) -> None:
    """Refuse what is not symmetric and positive semidefinite, in any units.

    Inputs are first scaled to unit variance. The matrix may then miss symmetry by
    `slack`, what rounding explains, and have eigenvalues down to `−slack` of the
    largest, or of 1.
    """
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1)
    if np.any(diagonal < 0):
        raise ValueError(f"{name} has a variance {diagonal.min()} below zero")
    # An input without variance has no covariance with others, in no unit at all.
    least = np.where(diagonal > 0, diagonal, np.inf).min(axis=-1, keepdims=True)
    largest = np.abs(matrices).max(axis=(-2, -1), initial=0)[..., None]
    unit = np.where(np.isfinite(least), least, np.where(largest > 0, largest, 1))
    scale = np.sqrt(np.where(diagonal > 0, diagonal, unit))
    with np.errstate(over="ignore"):
        correlation = matrices / scale[..., :, None] / scale[..., None, :]
    if not np.isfinite(correlation).all():
        raise ValueError(f"{name} has covariances far above its variances")
    transposed = np.swapaxes(correlation, -1, -2)
    skew = np.abs(correlation - transposed).max(initial=0)
    if skew > slack:
        raise ValueError(f"{name} is not symmetric: entries differ by {skew:.1e}")
    symmetric = (correlation + transposed) / 2
    try:
        # Its own rounding, some `dε`, is within the slack; a tenth of eigvalsh's time.
        np.linalg.cholesky(symmetric + slack * np.eye(symmetric.shape[-1]))
    except np.linalg.LinAlgError:
        value = np.linalg.eigvalsh(symmetric)
        if np.any(value[..., 0] < -slack * np.maximum(value[..., -1], 1)):
            raise ValueError(
                f"{name} has a negative eigenvalue ({value.min():.1e} after scaling to "
                "unit variances): no random vector has it"
            ) from None
