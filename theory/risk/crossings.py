"""Every source size at which sharing starts or stops paying."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_numbers, check_spectrum, is_traced
from theory.risk.fixed_point import break_even, source_ratio, source_size
from theory.risk.phase_transition import equal_crossings

CAPACITY = 16  # Crossings returned under jit; six is the most that was seen.
GRID = 1024  # Points in log y.
EXTREMA = 4  # Extrema between grid points that are looked at, nearest to zero first.
STEPS = 60  # Newton or bisection: the latter alone ends at rounding.
# Below y = START/(max s_j + 1 + n_2 − p) the curve Φ is constant to this relative
# size: Φ(0)(1 + O(y (max s_j + n_2 − p))).
START = 1e-9


def crossings(
    n_target: ArrayLike,
    dimension: ArrayLike,
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    *,
    source_spectrum: ArrayLike | Sequence[float] | None = None,
    n_source_max: ArrayLike,
) -> Float[Array, " c"]:
    """Every `n_1` in `(0, n_source_max]` where the limiting gain changes sign.

    The risks are those of `theory.risk.pooled_risk`. `n_1` is taken as real.

    * Equal covariances: the roots of a quadratic, in closed form. Complete. There is
      none, one, or, for `p < n_2 < 3p`, two.
    * A spectrum: the gain has the sign of `ℓ − Φ(y)`, `Φ` of `break_even`, and `y`
      increases with `n_1`. `log Φ − log ℓ` is evaluated with its slope on 1024
      points equally spaced in `log y`, down to where `Φ` is constant to 1e-9. Every
      change of sign is refined to rounding. Cells whose ends have one sign and whose
      slopes point to zero and away again have their extremum located first, the four
      nearest to zero, so that a close pair of crossings is not lost.

    What is guaranteed: `|d log Φ/d log y| ≤ 5`, so a cell of width `h` whose ends are
    further than `5h` from zero in sum has no crossing (`h` is 0.02 to 0.06). In the
    others, crossings can be missed, in pairs, only if the slope of `log Φ` vanishes
    three times within the cell, or beyond the four extrema. Crossings with an `n_1`
    below about 1e-9 are not returned: `Φ(0)` is then within 1e-9 of `ℓ`. Known
    spectra have up to six crossings, any number from none to six.

    Double roots: where the risks touch without crossing there is no sign change and
    none is returned; rounding of `log Φ` (1e-14) may turn a touch into a pair or into
    none, and moves a pair at a distance `δ` in `log y` by about `1e-14/δ`.

    Without crossings: `n_2 ≤ p` (the single-task risk is infinite, sharing pays as
    soon as `n_1 + n_2 > p`), `μ² = 0` (always pays), `σ² = 0` (never pays).

    jit- and vmap-compatible. First derivatives by the implicit function theorem.

    Args:
        n_target: `n_2 > 0`.
        dimension: `p ≥ 1`.
        noise_variance: `σ² ≥ 0`.
        shift_variance: `μ² ≥ 0`.
        source_spectrum: Eigenvalues `s_j > 0` of `Σ_1` where `Σ_2 = I`; None: equal.
        n_source_max: Largest `n_1` of interest, `> 0`, finite.

    Returns:
        The crossings, ascending. If an argument is traced, 16 entries (2 for equal
        covariances), of which the last are NaN: of more, the first 16.

    Raises:
        ValueError: An argument is out of range or no scalar.

    Source: derived here.
    """
    numbers = check_numbers(
        "",
        n_target=n_target,
        dimension=dimension,
        noise_variance=noise_variance,
        shift_variance=shift_variance,
        n_source_max=n_source_max,
    )
    if source_spectrum is None:
        return _trim(_equal(*numbers), *numbers)
    spectrum = check_spectrum(source_spectrum, numbers[1], "p")
    found = _general(*numbers, spectrum, CAPACITY)
    if not is_traced(found) and not np.isnan(np.asarray(found)[-1]):
        found = _general(*numbers, spectrum, GRID)
    return _trim(found, *numbers, spectrum)


def _trim(found: Array, *arguments: Array) -> Array:
    """Drop the NaNs where values are known."""
    if is_traced(found, *arguments):
        return found
    known = np.asarray(found)
    return found[: int(np.sum(~np.isnan(known)))]


def _level(n_2: Array, p: Array, noise: Array, shift: Array) -> tuple[Array, Array]:
    """Whether there can be a crossing, and `ℓ`, 1 where there cannot."""
    exists = (n_2 > p) & (noise > 0) & (shift > 0)
    bottom = jnp.where(exists, 2 * shift * (n_2 - p), 1)
    return exists, jnp.where(exists, noise * p, 1) / bottom


@jax.jit
def _equal(n_2: Array, p: Array, noise: Array, shift: Array, largest: Array) -> Array:
    exists, level = _level(n_2, p, noise, shift)
    found = equal_crossings(n_2, p, level)
    return jnp.where(exists & (found <= largest), found, jnp.nan)


@partial(jax.jit, static_argnames="capacity")
def _general(
    n_2: Array,
    p: Array,
    noise: Array,
    shift: Array,
    largest: Array,
    spectrum: Array,
    capacity: int,
) -> Array:
    exists, level = _level(n_2, p, noise, shift)
    n_2 = jnp.where(n_2 > p, n_2, p + 1)
    fixed = lax.stop_gradient((n_2, p, spectrum))
    end = jnp.log(lax.stop_gradient(source_ratio(largest, n_2, p, spectrum)))
    start = jnp.log(START / (jnp.max(fixed[2]) + 1 + fixed[0] - fixed[1]))
    times = jnp.linspace(jnp.minimum(start, end - 1), end, GRID)
    # The level is added last: the curve is then shared by a vmap over σ² and μ².
    value, slope = _curve(times, *fixed)
    value -= jnp.log(lax.stop_gradient(level))
    times, value = _with_extrema(times, value, slope, level, fixed)
    hurts = value > 0
    (cell,) = jnp.nonzero(hurts[1:] != hurts[:-1], size=capacity, fill_value=-1)
    root = _refine(times[cell], times[cell + 1], hurts[cell], level, fixed)
    ratio = _with_derivative(jnp.exp(root), n_2, p, level, spectrum)
    found = source_size(ratio, n_2, p, spectrum)
    return jnp.where(exists & (cell >= 0), found, jnp.nan)


def _curve(times: Array, n_2: Array, p: Array, spectrum: Array) -> tuple[Array, Array]:
    """`log Φ` and its slope in `t = log y`."""

    def of_time(t: Array) -> Array:
        return jnp.log(break_even(jnp.exp(t), n_2, p, spectrum))

    return jax.jvp(of_time, (times,), (jnp.ones_like(times),))


def _with_extrema(
    times: Array, value: Array, slope: Array, level: Array, fixed: tuple
) -> tuple[Array, Array]:
    """Add to the grid the extrema that may hide a pair of crossings, in order."""
    same = (value[1:] > 0) == (value[:-1] > 0)
    toward = (value[:-1] * slope[:-1] < 0) & (value[1:] * slope[1:] > 0)
    distance = jnp.minimum(jnp.abs(value[1:]), jnp.abs(value[:-1]))
    key, cell = lax.top_k(jnp.where(same & toward, -distance, -jnp.inf), EXTREMA)
    low, high, left, right = times[cell], times[cell + 1], slope[cell], slope[cell + 1]

    # Within a cell the slope is nearly linear: regula falsi, with Illinois' halving.
    def advance(_: Array, state: tuple) -> tuple:
        low, high, left, right = state
        gap = jnp.where(left == right, 1, left - right)
        middle = jnp.clip(low + (high - low) * left / gap, low, high)
        new = _curve(middle, *fixed)[1]
        before = (new > 0) == (left > 0)
        return (
            jnp.where(before, middle, low),
            jnp.where(before, high, middle),
            jnp.where(before, new, left / 2),
            jnp.where(before, right / 2, new),
        )

    low, high, _, _ = lax.fori_loop(0, 6, advance, (low, high, left, right))
    both = jnp.concatenate([low, high])
    new = _curve(both, *fixed)[0] - jnp.log(lax.stop_gradient(level))
    # What is no extremum repeats the first point.
    used = jnp.tile(key > -jnp.inf, 2)
    both, new = jnp.where(used, both, times[0]), jnp.where(used, new, value[0])
    times, value = jnp.concatenate([times, both]), jnp.concatenate([value, new])
    order = jnp.argsort(times)
    return times[order], value[order]


def _refine(low: Array, high: Array, hurts: Array, level: Array, fixed: tuple) -> Array:
    """Zeros of `log Φ − log ℓ` in brackets, by Newton kept inside them."""
    aim = jnp.log(lax.stop_gradient(level))

    def active(state: tuple) -> Array:
        return (state[0] < STEPS) & jnp.any(~state[4])

    def advance(state: tuple) -> tuple:
        step, low, high, t, done = state
        value, slope = _curve(t, *fixed)
        value -= aim
        left = (value > 0) == hurts
        low, high = jnp.where(left, t, low), jnp.where(left, high, t)
        moved = t - value / jnp.where(slope == 0, 1, slope)
        # Every third step halves, so that no curvature can stall the search.
        inside = (moved > low) & (moved < high) & (step % 3 != 2)
        moved = jnp.where(inside, moved, (low + high) / 2)
        near = jnp.abs(moved - t) <= 4e-16 * (1 + jnp.abs(t))
        return step + 1, low, high, jnp.where(done, t, moved), done | near

    middle = (low + high) / 2
    done = low >= high
    return lax.while_loop(active, advance, (0, low, high, middle, done))[3]


def _with_derivative(
    ratio: Array, n_2: Array, p: Array, level: Array, spectrum: Array
) -> Array:
    """The roots as they are, with `dy = −(∂Φ − dℓ)/Φ'`."""
    ratio = lax.stop_gradient(ratio)
    _, slope = jax.jvp(
        lambda y: break_even(y, n_2, p, spectrum), (ratio,), (jnp.ones_like(ratio),)
    )
    slope = lax.stop_gradient(jnp.where(slope == 0, jnp.inf, slope))
    change = (break_even(ratio, n_2, p, spectrum) - level) / slope
    return ratio - (change - lax.stop_gradient(change))
