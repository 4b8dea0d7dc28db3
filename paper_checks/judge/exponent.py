"""A power law through brackets."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Exponent(NamedTuple):
    """Slope of `log m` in `log x`, and an interval; of how many points."""

    value: float
    low: float
    high: float
    points: int


def exponent(
    x: Float[np.ndarray, "..."],
    low: Float[np.ndarray, "..."],
    high: Float[np.ndarray, "..."],
) -> Exponent:
    """Fit `m ∝ x^b` by least squares, with `m_i` somewhere in `[low_i, high_i]`.

    The slope is linear in `log m_i`,

        b = Σ_i w_i log m_i,   w_i = (log x_i − mean)/Σ_j (log x_j − mean)²,

    so its interval is exact: the slopes of all `m` within the brackets. It holds the
    slope of the true values if each is in its bracket; it says nothing of whether they
    follow a power law. `value` is the slope of the brackets' geometric means.

    Args:
        x: At least two different values above 0.
        low: Lower ends, above 0.
        high: Upper ends, finite.

    Raises:
        ValueError: Fewer than two different `x`, a value that is not above 0 and
            finite, or an upper end below the lower one.

    Source: derived here.
    """
    values = tuple(np.asarray(v, float) for v in (x, low, high))
    place, bottom, top = values
    if len({v.shape for v in values}) > 1 or len(np.unique(place)) < 2:
        raise ValueError(
            f"an exponent needs two different x and a bracket each, got x = {place}"
        )
    for name, found in zip(("x", "low", "high"), values, strict=True):
        if not (np.isfinite(found) & (found > 0)).all():
            raise ValueError(f"{name} must be finite and above 0, got {found}")
    if (top < bottom).any():
        raise ValueError(f"high must be at least low, got {top} and {bottom}")
    at = np.log(place) - np.log(place).mean()
    weight = at / np.sum(at**2)
    ends = np.sort([weight * np.log(bottom), weight * np.log(top)], axis=0).sum(axis=1)
    return Exponent(float(ends.mean()), float(ends[0]), float(ends[1]), len(place))
