"""What training may be asked for, and the messages for what it may not."""

import operator
from collections.abc import Callable
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from simulations.training.model import Model
from simulations.training.result import Parameters
from theory import arguments
from theory.arguments import is_traced
from theory.tasks import TaskStatistics

# A term `α y²` of the loss is a product of three magnitudes, and parameters have the
# units of `y/x`: with each in [tiny^0.3, max^0.3] a tenth of the exponents is left for
# sums.
SHARE = 0.3


def magnitudes(dtype: jnp.dtype) -> tuple[float, float]:
    """Least and largest magnitude: 5e-93 and 3e92 in 64 bits, 4e-12 and 3e11 in 32."""
    limits = jnp.finfo(dtype)
    return float(limits.tiny) ** SHARE, float(limits.max) ** SHARE


def check_range(
    largest: ArrayLike, dtype: jnp.dtype, name: Callable[[tuple[int, ...]], str]
) -> None:
    """Refuse data whose largest magnitude cannot be trained with; zero can.

    Smaller magnitudes beside it may be anything: what is lost of them is below
    rounding.

    Args:
        largest: Of each column, or of the labels, of every draw.
        dtype: Precision of the training.
        name: What a message calls an entry of it.

    Raises:
        ValueError: One is not zero and outside `magnitudes`.
    """
    low, high = magnitudes(dtype)
    size = np.asarray(largest)
    bad = np.argwhere((size != 0) & ~((size >= low) & (size <= high)))
    if len(bad):
        where = tuple(int(index) for index in bad[0])
        raise ValueError(
            f"{name(where)} has the largest magnitude {size[where]:.3g}, and "
            f"training in {dtype} needs it within [{low:.1g}, {high:.1g}]: rescale"
        )


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


def check_shapes(statistics: TaskStatistics, draws: int) -> None:
    """Refuse shapes that do not fit each other, or another number of axes of draws.

    Raises:
        ValueError: The message names the field.
    """
    shape = statistics.moment.shape
    *many, k, d = shape if len(shape) == draws + 2 else (0, 0)
    wanted = {"gram": (k, d, d), "moment": (k, d), "energy": (k,), "samples": (k,)}
    for field, one in wanted.items():
        found = getattr(statistics, field).shape
        if not (k and d) or found != (*many, *one):
            first = "an axis of draws, then " if draws else ""
            raise ValueError(
                f"{field} has shape {found}; statistics of k tasks need {first}gram "
                "(k, d, d), moment (k, d), energy (k,) and samples (k,)"
            )


def check_values(statistics: TaskStatistics) -> None:
    """Refuse values that are no statistics, or too large or small to train with.

    Raises:
        ValueError: The message names the task and the field.
    """
    fields = ("gram", "moment", "energy")
    gram, moment, energy = (np.asarray(getattr(statistics, f)) for f in fields)
    diagonal = np.diagonal(gram, axis1=-2, axis2=-1)
    axis = moment.ndim - 2
    for field, bad, why in (
        ("gram", ~np.isfinite(gram), "has a NaN or an infinity"),
        ("moment", ~np.isfinite(moment), "has a NaN or an infinity"),
        ("energy", ~np.isfinite(energy), "is not finite"),
        ("gram", diagonal < 0, "has a square XᵀX_jj below zero"),
        ("energy", energy < 0, "is below zero"),
    ):
        if bad.any():
            raise ValueError(f"task {np.argwhere(bad)[0][axis]}: {field} {why}")
    column, label = np.sqrt(diagonal), np.sqrt(energy)
    for name, size in (("column", column), ("labels", label)):
        task = size.argmax(axis=axis)

        def called(at: tuple[int, ...], name: str = name, task=task) -> str:
            which = f"column {at[-1]} of the covariates" if name == "column" else name
            return f"task {task[at]}: {which} (a root of the statistics)"

        check_range(size.max(axis=axis), moment.dtype, called)
