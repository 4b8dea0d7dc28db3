"""Checks of arguments: numbers, shapes, weights and choices, one wording each.

A check returns its argument in the form that the caller computes with, or raises a
`ValueError` that has the name of the argument, the rule and the value. Shapes and types
are always checked, values unless jax is tracing them.
"""

import operator
import reprlib
from collections.abc import Collection
from numbers import Real
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

Rule = Literal["finite", "finite and >= 0", "finite and > 0", ">= 0"]
# Arguments of risks that must exceed 0; the others may be 0.
POSITIVE = ("n_target", "dimension", "n_source_max")


def is_traced(*values: object) -> bool:
    """Whether a value, or a leaf of it, is unknown because jax is tracing."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))


def require_64_bit(name: str, array: Any) -> None:
    """Refuse floats of 32 bits, which certify nothing."""
    if array.dtype != jnp.float64:
        raise ValueError(
            f"{name} must be 64-bit floats, got {array.dtype}: call jax.config.update("
            "'jax_enable_x64', True), or set JAX_ENABLE_X64=1, before arrays are made"
        )


def as_floats(name: str, value: Any, *, double: bool = False) -> Array:
    """Return real numbers as floats of jax, in 64 bits if `double`."""
    if not is_traced(value) and not isinstance(value, jax.Array):
        try:
            array = np.asarray(value)
        except ValueError:
            array = np.asarray(None)
        # A flag is no size or variance, but a column of a design may hold flags.
        if array.dtype.kind not in ("fiu" if double else "fiub"):
            raise ValueError(
                f"{name} must be real numbers, got {reprlib.repr(value)} of type "
                f"{array.dtype}"
            )
        value = array
    floats = jnp.asarray(value, float if double else None)
    if not jnp.issubdtype(floats.dtype, jnp.floating):
        floats = floats.astype(float)
    if double:
        require_64_bit(name, floats)
    return floats


def refuse(
    name: str, values: Any, bad: Any, rule: str, hint: str = "", *, tasks: bool = False
) -> None:
    """Raise for the first entry that is bad; with `tasks` the first axis is theirs."""
    if not np.any(bad):
        return
    where = tuple(int(index) for index in np.argwhere(bad)[0])
    value = np.asarray(values)[where]
    if tasks:
        name, where = f"task {where[0]}: {name}", where[1:]
    place = str(list(where)) if where else ""
    raise ValueError(f"{name}{place} must be {rule}, got {value}{hint}")


def check_values(
    name: str, values: Any, rule: Rule = "finite", *, tasks: bool = False
) -> None:
    """Refuse values that break the rule."""
    if is_traced(values):
        return
    known = np.asarray(values)
    good = np.isfinite(known) if "finite" in rule else ~np.isnan(known)
    if "0" in rule:
        good &= known >= 0 if ">=" in rule else known > 0
    refuse(name, known, ~good, rule, tasks=tasks)


def check_shape(name: str, array: Any, shape: str, **sizes: int | None) -> None:
    """Refuse another shape than, for example, `"k d d"`, or an empty one.

    Equal letters stand for equal sizes, and `sizes` gives those that are known.
    """
    axes = [int(a) if a.isdigit() else sizes.get(a) or a for a in shape.split()]
    found, free = array.shape, {}
    fits = len(found) == len(axes) and all(
        n > 0 and n == (free.setdefault(a, n) if isinstance(a, str) else a)
        for a, n in zip(axes, found, strict=True)
    )
    if fits:
        return
    if not axes:
        raise ValueError(f"{name} must be one number, got shape {found}: use jax.vmap")
    wanted = " x ".join(map(str, axes))
    wanted = wanted if len(axes) > 1 else f"a list of {wanted} numbers"
    raise ValueError(f"{name} must be {wanted}, got shape {found}")


def check_array(
    name: str,
    value: Any,
    shape: str | None = None,
    rule: Rule = "finite",
    *,
    double: bool = False,
    **sizes: int,
) -> Array:
    """Return an array of real numbers whose shape and values are as asked for."""
    array = as_floats(name, value, double=double)
    if shape is not None:
        check_shape(name, array, shape, **sizes)
    check_values(name, array, rule)
    return array


def check_numbers(shape: str | None = None, **named: Any) -> tuple[Array, ...]:
    """Return sizes and variances in 64 bits, each at least 0, or above it."""
    return tuple(
        check_array(
            name,
            value,
            shape,
            "finite and > 0" if name in POSITIVE else "finite and >= 0",
            double=True,
        )
        for name, value in named.items()
    )


def check_penalty(penalty: Any, shape: str | None = None) -> Float[Array, "*batch"]:
    """Return the penalty `λ ≥ 0` in 64 bits; it may be infinite."""
    return check_array("penalty", penalty, shape, ">= 0", double=True)


def check_per_task(name: str, value: Any, count: int) -> Float[Array, " k"]:
    """Return one number `≥ 0` per task, from one for all or one each."""
    (number,) = check_numbers(**{name: value})
    if number.ndim:
        check_shape(name, number, "k", k=count)
    return jnp.broadcast_to(number, (count,))


def check_spectrum(
    spectrum: Any,
    dimension: Float[Array, "..."],
    shape: str | None = None,
    *,
    name: str = "source_spectrum",
    **sizes: int,
) -> Float[Array, "*batch p"]:
    """Return eigenvalues `> 0` in 64 bits, one per dimension."""
    values = as_floats(name, spectrum, double=True)
    if shape or not values.size or not values.ndim:
        check_shape(name, values, shape or "p", **sizes)
    count = values.shape[-1]
    if not is_traced(dimension):
        rule = f"the number of eigenvalues in {name}, {count}"
        refuse("dimension", dimension, np.asarray(dimension) != count, rule)
    if not is_traced(values):
        hint = ": give directions that are never seen 1e-12 of the largest, for example"
        known = np.asarray(values)
        bad = ~(np.isfinite(known) & (known > 0))
        refuse(name, known, bad, "finite and > 0", hint)
    return values


def check_integer(
    name: str, value: Any, least: int = 1, most: int | None = None
) -> int:
    """Return an integer of this range as an int."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        wanted = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(
            f"{name} must be an integer {wanted}, got {reprlib.repr(value)}"
        )
    return number


def check_width(width: Any) -> int:
    """Return the width `r ≥ 1` of a shared module."""
    return check_integer("width", width)


def check_target(target: Any, count: int) -> int:
    """Return the index of a target task, counted from the first."""
    return check_integer("target", target, -count, count - 1) % count


def check_share(name: str, value: Any, *, whole: bool = False) -> float:
    """Return a share in (0, 1), or in (0, 1] if it may be `whole`."""
    share = float(value) if isinstance(value, Real) else 0.0
    if not (0 < share < 1 or (whole and share == 1)):
        wanted = "(0, 1]" if whole else "(0, 1)"
        raise ValueError(f"{name} must be a share in {wanted}, got {value!r}")
    return share


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """Return one of these choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {tuple(choices)}, got {value!r}")
    return value


def check_weights(
    weights: Any,
    count: int,
    dtype: Any = None,
    *,
    several: bool = False,
) -> Float[Array, "*a k"]:
    """Return weights `α_i ≥ 0` as floats, ones where none are given.

    Args:
        weights: One per task, not all zero; or, if several are allowed, one row each.
        count: Number `k` of tasks.
        dtype: Of the result; that of the weights if not given.
        several: Allow more than one vector.
    """
    if weights is None:
        return jnp.ones(count, dtype)
    if not is_traced(weights) and not _is_real(weights):
        for index, value in np.ndenumerate(np.asarray(weights, dtype=object)):
            if not isinstance(value, Real) and not _is_real(value):
                task = index[-1] if index else 0
                raise ValueError(
                    f"task {task}: weights must be real numbers, got {value!r}"
                )
    alpha = jnp.asarray(weights, dtype)
    if not jnp.issubdtype(alpha.dtype, jnp.floating):
        alpha = alpha.astype(float)
    check_shape("weights", alpha, "n k" if several and alpha.ndim > 1 else "k", k=count)
    if not is_traced(alpha):
        known = np.asarray(alpha)
        check_values("weights", known.T, "finite and >= 0", tasks=True)
        if not known.any(axis=-1).all():
            raise ValueError("weights are all zero: at least one task must count")
    return alpha


def _is_real(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "O") in "fiub"


def check_pool_weights(weights: Any, count: int) -> Float[Array, " k"]:
    """Return weights in 64 bits, scaled so that their sum is 1."""
    (alpha,) = check_numbers(weights=weights)
    alpha = check_weights(alpha, count)
    return alpha / jnp.sum(alpha)


def check_magnitude(
    name: str, array: Any, *, terms: int = 1, every: bool = False, tasks: bool = False
) -> None:
    """Refuse sizes at which floats overflow, or lose digits, in sums of `terms`.

    Zeros pass, and unless `every` entry is asked for small ones beside larger ones do.
    """
    if is_traced(array):
        return
    size, limits = np.abs(np.asarray(array)), jnp.finfo(array.dtype)
    low, high = float(limits.tiny), float(limits.max) / 8 / terms
    small = size if every else np.where(size == size.max(), size, 0)
    bad = (size > high) | ((small > 0) & (small < low))
    rule = f"between {low:.1g} and {high:.1g} in size"
    refuse(name, array, bad, rule, ": rescale", tasks=tasks)


def check_vectors(**named: Any) -> tuple[Float[Array, "..."], ...]:
    """Return vectors of one `d` as floats; leading axes broadcast."""
    vectors = [check_array(name, value) for name, value in named.items()]
    shapes = {name: v.shape for name, v in zip(named, vectors, strict=True)}
    if any(not v.ndim or not v.shape[-1] for v in vectors):
        raise ValueError(f"vectors need d >= 1 entries, got shapes {shapes}")
    if len({v.shape[-1] for v in vectors}) > 1:
        raise ValueError(f"vectors must have one d, got shapes {shapes}")
    check_broadcast(**shapes)
    return tuple(vectors)


def check_broadcast(**shapes: tuple[int, ...]) -> None:
    """Refuse leading axes that do not broadcast."""
    try:
        jnp.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"leading axes do not broadcast: shapes {shapes}") from None
