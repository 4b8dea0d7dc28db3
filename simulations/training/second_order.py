"""Levenberg-Marquardt and L-BFGS."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from simulations.training.descent import Run, descend, goes_down, positive
from simulations.training.objective import Objective, norm
from simulations.training.result import Parameters

# Looks without progress. L-BFGS has failed when one line search fails; a ReLU's kinks
# are smoothed in some twenty stages, not each of which shows in F.
PATIENCE, PATIENCE_SMOOTHING = 5, 30
# A stage of smoothing ends when the gradient is below this share of the smoothing.
STAGE, SHARPER = 0.1, 0.25
# Last s as a power of the precision ε: a loss is off by some share of s, and a gradient
# at a kink by ε/s.
SHARPEST = 0.4


@dataclass(frozen=True, kw_only=True)
class LevenbergMarquardt:
    """Damped Newton steps, and Gauss-Newton steps where Newton's are not downhill.

    `(H + μI)δ = −∇F` with Nielsen's rule for `μ`. `H` is the Hessian where `H + μI` is
    positive definite, and the Gauss-Newton matrix elsewhere: it alone converges at a
    slow fixed rate where residuals are large, as they are where tasks disagree. The
    damping also keeps the gauge `B → BM, A → M⁻¹A` apart. A step costs `O(p³)` for
    `p = (d + k)r` parameters: use `LBFGS` for thousands.

    Minima of a ReLU model lie at kinks `x_nᵀB_s = 0`, where no gradient vanishes. So
    `max(u, 0)` is replaced by `(u + √(u² + s²‖B_j‖²))/2`, with `s` from `smoothing`
    down to `ε^0.4` in floats of precision `ε`; the gradient that is looked at is that
    of the last `s`. Losses are always those of `max(u, 0)`.

    A step of our own, since optimistix' takes residuals: statistics have none but a
    square root of `G_i`, and a log-loss has none at all.

    Attributes:
        damping: First `μ`, as a share of the largest diagonal entry of `H`.
        smoothing: First `s`, for rows scaled so that a pre-activation is about 1.
        steps: Number of steps at most, with those that are taken back.
        tolerance: Norm of the gradient of `F` at which it ends.

    Source: Nielsen 1999; Madsen, Nielsen & Tingleff 2004, algorithm 3.16. The
    smoothing is ours.
    """

    damping: float = 1e-3
    smoothing: float = 0.1
    steps: int = 500
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        positive(self, damping=self.damping, steps=self.steps, tolerance=self.tolerance)
        positive(self, smoothing=self.smoothing)

    def run(self, objective: Objective, start: Parameters) -> Run:
        """Descend from one start."""
        flat, restore = ravel_pytree(start)
        dtype = flat.dtype
        eps = float(jnp.finfo(dtype).eps)
        sharpest = eps**SHARPEST
        eye = jnp.eye(flat.size, dtype=dtype)

        def advance(state: _Damped) -> _Damped:
            smooth = objective.softened(state.smoothing)
            value, slope = smooth.with_slope(state.point)
            gradient = ravel_pytree(slope)[0]
            exact, positive = smooth.hessian(state.point)
            largest = jnp.max(jnp.diagonal(positive))
            # Less damping is lost in the rounding of H, and more leaves no step.
            unit = jnp.where(largest > 0, largest, 1)
            damping = jnp.where(state.growth > 0, state.damping, self.damping * unit)
            damping = jnp.clip(damping, flat.size * eps * unit, unit / eps)
            growth = jnp.where(state.growth > 0, state.growth, 2)
            newton = _solve(exact + damping * eye, gradient)
            change = jnp.where(
                jnp.isfinite(newton).all(),
                newton,
                _solve(positive + damping * eye, gradient),
            )
            point = jax.tree.map(jnp.add, state.point, restore(change))
            new_value, new_slope = smooth.with_slope(point)
            kept = goes_down(value, slope, new_value, new_slope)
            predicted = 0.5 * change @ (damping * change - gradient)
            # A step kept for its gradient alone is in the rounding of F: no gain shows.
            gain = jnp.where(new_value < value, (value - new_value) / predicted, 1)
            smaller = damping * jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3)
            settled = jnp.where(kept, norm(new_slope), norm(slope))
            sharper = settled <= STAGE * state.smoothing
            return _Damped(
                jax.tree.map(lambda a, b: jnp.where(kept, a, b), point, state.point),
                jnp.where(kept, smaller, damping * growth),
                jnp.where(kept, 2, 2 * growth).astype(dtype),
                jnp.where(
                    sharper,
                    jnp.maximum(SHARPER * state.smoothing, sharpest),
                    state.smoothing,
                ),
            )

        last = objective.softened(jnp.asarray(sharpest, dtype))
        # No growth yet: the first step measures H and sets the damping.
        zero = jnp.zeros((), dtype)
        state = _Damped(start, zero, zero, jnp.asarray(self.smoothing, dtype))
        return descend(
            advance,
            state,
            last,
            steps=self.steps,
            block=1,
            patience=PATIENCE_SMOOTHING,
            tolerance=self.tolerance,
        )


class _Damped(NamedTuple):
    point: Parameters
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    smoothing: Float[Array, ""]


def _solve(matrix: Float[Array, "p p"], slope: Float[Array, " p"]) -> Array:
    """`−matrix⁻¹ slope`; NaN where the matrix is not positive definite."""
    return -cho_solve(cho_factor(matrix), slope)


@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """Limited-memory BFGS with a zoom line search, of optax: for many parameters.

    (That of optimistix 0.1.0 does not run on 32-bit data in a 64-bit program.)

    Attributes:
        history: Pairs of steps and gradients that are kept.
        steps: Number of steps at most; each has up to 20 evaluations.
        tolerance: Norm of the gradient of `F` at which it ends.
    """

    history: int = 10
    steps: int = 2000
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        positive(self, steps=self.steps, history=self.history, tolerance=self.tolerance)

    def run(self, objective: Objective, start: Parameters) -> Run:
        """Descend from one start."""
        rule = optax.lbfgs(memory_size=self.history)
        flat, restore = ravel_pytree(start)

        def value_of(flat: Array) -> Array:
            return objective(restore(flat))

        def advance(state: _History) -> _History:
            flat = ravel_pytree(state.point)[0]
            value, slope = jax.value_and_grad(value_of)(flat)
            change, history = rule.update(
                slope, state.history, flat, value=value, grad=slope, value_fn=value_of
            )
            return _History(restore(flat + jnp.asarray(change)), history)

        return descend(
            advance,
            _History(start, rule.init(flat)),
            objective,
            steps=self.steps,
            block=1,
            patience=PATIENCE,
            tolerance=self.tolerance,
        )


class _History(NamedTuple):
    point: Parameters
    history: optax.OptState
