"""The source size at which sharing does the most good."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_number, check_spectrum
from theory.risk.break_even import source_size
from theory.risk.crossings import START
from theory.risk.fixed_point import source_ratio
from theory.risk.least_on_line import least_on_line
from theory.risk.pooled import terms_of_ratio
from theory.risk.stationary import stationary_point


def best_source_size(
    n_target: ArrayLike,
    dimension: ArrayLike,
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    *,
    source_spectrum: ArrayLike | Sequence[float] | None = None,
    n_source_max: ArrayLike,
) -> Float[Array, ""]:
    """The real `n_1` in `[0, n_source_max]` with the least limiting risk.

    The risk is that of `theory.risk.pooled_risk`. As in `theory.risk.crossings`, it is
    an explicit function of `y`, with `n_1` eliminated by

        n_1 = y[n_2 − p + (1 + y) Σ_j s_j/(1 + s_jy)],   m = (1 + y)(n_2 − Σ_j v_j),

    which increase in `y`, so no equation is solved along the way.
    `theory.risk.least_on_line` minimises it over `log y`, from where the risk differs
    from the single-task one by 1e-9 relatively. The whole number with the least risk
    is one of the two next to the result if the risk has no other minimum near.

    0 is returned where no source pays, and where all risks are infinite
    (`n_source_max + n_2 ≤ p`); `n_source_max` where more always pays more, as for
    `μ² = 0`. jit- and vmap-compatible; the first derivative is by the implicit
    function theorem within the interval, and that of the end at an end.

    Args:
        n_target: `n_2 > 0`; at most `p` too.
        dimension: `p ≥ 1`.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`.
        source_spectrum: Eigenvalues `s_j > 0` of `Σ_1` where `Σ_2 = I`; None: equal.
        n_source_max: Largest `n_1` of interest, `> 0`, finite.

    Raises:
        ValueError: An argument is out of range or no scalar.

    Source: derived here.
    """
    named = {
        "n_target": check_number("n_target", n_target, positive=True),
        "dimension": check_number("dimension", dimension, positive=True),
        "noise_variance": check_number("noise_variance", noise_variance),
        "shift_variance": check_number("shift_variance", shift_variance),
        "n_source_max": check_number("n_source_max", n_source_max, positive=True),
    }
    for name, value in named.items():
        if value.ndim:
            raise ValueError(
                f"{name} must be one number, got shape {value.shape}: use jax.vmap"
            )
    if source_spectrum is None:
        return _search(*named.values(), jnp.ones(1))
    spectrum = check_spectrum(source_spectrum, named["dimension"])
    if spectrum.ndim != 1:
        raise ValueError(
            f"source_spectrum must be one list, got shape {spectrum.shape}: "
            "use jax.vmap"
        )
    return _search(*named.values(), spectrum)


@jax.jit
def _search(
    n_2: Array, p: Array, noise: Array, shift: Array, largest: Array, spectrum: Array
) -> Array:
    arguments = (n_2, p, noise, shift, spectrum)
    fixed = lax.stop_gradient(arguments)
    possible = largest + n_2 > p
    end = source_ratio(jnp.where(possible, largest, p), n_2, p, spectrum)
    end = lax.stop_gradient(jnp.log(end))
    start = jnp.log(START / (jnp.max(fixed[4]) + 1 + jnp.maximum(n_2 - p, 0)))
    start = lax.stop_gradient(jnp.minimum(start, end - 1))
    place, least = least_on_line(lambda t: _risk(t, *fixed), start, end)
    alone = jnp.where(n_2 > p, noise * p / jnp.where(n_2 > p, n_2 - p, 1), jnp.inf)
    inside = (place > start) & (place < end)
    moved = stationary_point(_value, jnp.where(inside, place, start), arguments)
    size = source_size(jnp.exp(moved), n_2, p, spectrum)
    # The end is n_source_max itself.
    size = jnp.where(place >= end, largest, size)
    return jnp.where(possible & (least < alone) & (place > start), size, 0.0)


def _value(t: Array, arguments: tuple) -> Array:
    return _risk(t, *arguments)


def _risk(
    t: Array, n_2: Array, p: Array, noise: Array, shift: Array, spectrum: Array
) -> Array:
    """The limiting risk at `log y = t`."""
    y = jnp.exp(t)
    weight = p / spectrum.shape[-1]
    seen = weight * jnp.sum(spectrum / (1 + spectrum * y[..., None]), axis=-1)
    excess = n_2 - p + y * seen
    enough = excess > 0
    m = (1 + y) * jnp.where(enough, excess, 1)
    bias, variance = terms_of_ratio(y, m, n_2, p, spectrum)
    return jnp.where(enough, 2 * shift * bias + noise * variance, jnp.inf)
