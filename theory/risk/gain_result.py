"""An estimated gain with its bounds, or with the reason why they are withheld."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.risk.gain_interval import GainParts, gain_bounds

# With fewer residual degrees of freedom in a task no interval is given.
LEAST_INTERVAL = 5
NO_NOISE, FEW_ROWS, DEPENDENT = 1, 2, 3
REASONS = (
    "",
    "the target's labels have no noise above rounding, so there is no error to save",
    f"a task has fewer than {LEAST_INTERVAL} rows (or groups) more than directions",
    "columns are so nearly dependent that rounding of the statistics decides: give "
    "rows, or drop columns",
)


class GainEstimate(eqx.Module):
    """Gain of pooling for a target: risk alone minus risk pooled, estimated.

    `gain` is the estimate, `low` and `high` bound the gain. `alone` estimates the
    excess risk of the target's own least squares, `noise` its `σ²`: a test error is
    the sum of the two. Squared units of the label. `share_low` and `share_high` bound
    the gain in shares of that error, whose own uncertainty they take in.

    Where an interval cannot be trusted its bounds are NaN, and `code` is the index in
    `REASONS` of the reason; it is 0 elsewhere.
    """

    gain: Float[Array, "*batch"]
    low: Float[Array, "*batch"]
    high: Float[Array, "*batch"]
    alone: Float[Array, "*batch"]
    noise: Float[Array, "*batch"]
    share_low: Float[Array, "*batch"]
    share_high: Float[Array, "*batch"]
    code: Float[Array, "*batch"]

    @property
    def relative(self) -> "GainEstimate":
        """In units of the test error of the target alone, `σ̂² + alone`; at most 1."""
        error = self.alone + self.noise
        unit = jnp.where(error > 0, error, jnp.nan)
        return GainEstimate(
            self.gain / unit,
            self.share_low,
            self.share_high,
            self.alone / unit,
            self.noise / unit,
            self.share_low,
            self.share_high,
            self.code,
        )

    @property
    def reason(self) -> str | np.ndarray:
        """Why the interval is withheld, empty where it is not; an array of a batch."""
        reasons = np.array(REASONS)[np.asarray(self.code).astype(int)]
        return str(reasons) if reasons.ndim == 0 else reasons


def found_gain(
    parts: GainParts, code: Array, score: Array, optimism: Array | float = 0.0
) -> GainEstimate:
    """Return the estimate of these parts, with what the code withholds as NaN.

    Args:
        parts: Of the estimate.
        code: Index in `REASONS`.
        score: Of each side of the interval.
        optimism: Taken off the estimate and its lower bounds.
    """
    bounds, shares = gain_bounds(parts, score, optimism)
    gain = parts.noise_part - parts.length - optimism
    # Without noise there is no gain either; else the estimate itself stands.
    gain = jnp.where(code == NO_NOISE, jnp.nan, gain)
    low, high, less, more = (
        jnp.where(code > 0, jnp.nan, bound) for bound in (*bounds, *shares)
    )
    return GainEstimate(
        gain, low, high, parts.alone, parts.noise, less, more, code.astype(float)
    )
