"""Levenberg-Marquardt and L-BFGS."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from simulations.training.descent import Run, counts, descend, goes_down, positive
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
    `p = (d + k)r` parameters, and `O(p²)` a row for models on rows: use `LBFGS` for
    thousands.

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

    apart: ClassVar[bool] = True
    damping: float = 1e-3
    smoothing: float = 0.1
    steps: int = 500
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        positive(self, damping=self.damping, smoothing=self.smoothing)
        positive(self, tolerance=self.tolerance)
        counts(self, steps=self.steps)

    def run(self, objective: Objective, start: Parameters) -> Run:
        """Descend from one start."""
        dtype = objective.model.dtype
        sharpest = jnp.asarray(float(jnp.finfo(dtype).eps) ** SHARPEST, dtype)
        last = objective.softened(sharpest)
        kinked = last.model is not objective.model
        zero = jnp.zeros((), dtype)
        first = jnp.asarray(self.smoothing, dtype)
        value, slope = objective.softened(first).with_slope(start)
        # No growth yet: the first step measures H and sets the damping.
        state = _Damped(start, value, slope, zero, zero, first)

        def advance(state: _Damped) -> _Damped:
            moved = self._step(objective.softened(state.smoothing), state)
            if not kinked:
                return moved
            sharper = jnp.maximum(SHARPER * state.smoothing, sharpest)
            settled = norm(moved.slope) <= STAGE * state.smoothing

            def sharpened() -> _Damped:
                value, slope = objective.softened(sharper).with_slope(moved.point)
                return moved._replace(value=value, slope=slope, smoothing=sharper)

            return lax.cond(
                settled & (state.smoothing > sharpest), sharpened, lambda: moved
            )

        return descend(
            advance,
            state,
            last,
            steps=self.steps,
            block=1,
            patience=PATIENCE_SMOOTHING,
            tolerance=self.tolerance,
            known=None if kinked else lambda s: (s.value, norm(s.slope)),
        )

    def _step(self, objective: Objective, state: "_Damped") -> "_Damped":
        """One step, kept or taken back, on an objective without kinks."""
        flat, restore = ravel_pytree(state.point)
        gradient = ravel_pytree(state.slope)[0]
        eps = jnp.finfo(flat.dtype).eps
        hessian = objective.hessian(state.point)
        largest = jnp.max(jnp.abs(jnp.diagonal(hessian)))
        # Less damping is lost in the rounding of H, and more leaves no step.
        unit = jnp.where(largest > 0, largest, 1)
        damping = jnp.where(state.growth > 0, state.damping, self.damping * unit)
        damping = jnp.clip(damping, flat.size * eps * unit, unit / eps)
        growth = jnp.where(state.growth > 0, state.growth, 2)
        newton = _solve(hessian, damping, gradient)
        change = lax.cond(
            jnp.isfinite(newton).all(),
            lambda: newton,
            lambda: _solve(objective.gauss_newton(state.point), damping, gradient),
        )
        point = restore(flat + change)
        value, slope = objective.with_slope(point)
        kept = goes_down(state.value, state.slope, value, slope)
        predicted = 0.5 * change @ (damping * change - gradient)
        # A step kept for its gradient alone is in the rounding of F: no gain shows.
        gain = jnp.where(value < state.value, (state.value - value) / predicted, 1)
        smaller = damping * jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3)

        def choose(new: Any, old: Any) -> Any:
            return jax.tree.map(lambda a, b: jnp.where(kept, a, b), new, old)

        return _Damped(
            choose(point, state.point),
            choose(value, state.value),
            choose(slope, state.slope),
            choose(smaller, damping * growth),
            choose(jnp.full_like(growth, 2), 2 * growth),
            state.smoothing,
        )


class _Damped(NamedTuple):
    """`F` and `∇F` are those at the point with this smoothing."""

    point: Parameters
    value: Float[Array, ""]
    slope: Parameters
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    smoothing: Float[Array, ""]


def _solve(
    matrix: Float[Array, "p p"], damping: Float[Array, ""], slope: Float[Array, " p"]
) -> Float[Array, " p"]:
    """`−(matrix + damping I)⁻¹ slope`; NaN where that is not positive definite."""
    damped = matrix + damping * jnp.eye(len(slope), dtype=slope.dtype)
    factor = lax.linalg.cholesky(damped, symmetrize_input=False)
    return -cho_solve((factor, True), slope)


@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """Limited-memory BFGS with a zoom line search, of optax: for many parameters.

    (That of optimistix 0.1.0 does not run on 32-bit data in a 64-bit program.)

    `f` does not change with the scale that `B` and `A` share, and nothing holds that
    scale here: 2 of 480 starts on easy linear problems (`d = 3`, `k = 2`) ran into a
    large `B` with a small `A`, went down ever more slowly, and ended out of steps.

    Attributes:
        history: Pairs of steps and gradients that are kept.
        steps: Number of steps at most; each has up to 20 evaluations.
        tolerance: Norm of the gradient of `F` at which it ends.
    """

    apart: ClassVar[bool] = False
    history: int = 10
    steps: int = 2000
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        positive(self, tolerance=self.tolerance)
        counts(self, steps=self.steps, history=self.history)

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
