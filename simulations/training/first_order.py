"""Full-batch gradient descent and Adam."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from simulations.training.descent import (
    Run,
    counts,
    descend,
    goes_down,
    is_number,
    positive,
)
from simulations.training.objective import Objective, norm
from simulations.training.result import Parameters

# Share of the decrease that the slope promises (Armijo); how the step's length changes
# after a step that kept it, and after one that did not and was taken back.
ARMIJO, GROWTH, SHRINKAGE = 1e-4, 1.3, 0.4
# Looks without progress: Adam also goes up for some hundreds of steps at a time.
PATIENCE = 20


@dataclass(frozen=True, kw_only=True)
class GradientDescent:
    """Gradient descent that never goes up: a step is kept if Armijo's rule holds.

    The length grows after a step that is kept and shrinks after one that is not, so
    it follows the curvature; `f` has no Lipschitz constant that holds everywhere. A
    step that is taken back counts as a step.

    Attributes:
        rate: First length of a step, in units of `F` and of the scaled data.
        steps: Number of steps at most.
        block: Steps between looks at the gradient.
        tolerance: Norm of the gradient of `F` at which it ends.
    """

    apart: ClassVar[bool] = False
    rate: float = 0.1
    steps: int = 20_000
    block: int = 50
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        positive(self, rate=self.rate, tolerance=self.tolerance)
        counts(self, steps=self.steps, block=self.block)

    def run(self, objective: Objective, start: Parameters) -> Run:
        """Descend from one start."""

        def advance(state: _Slope) -> _Slope:
            trial = jax.tree.map(
                lambda x, g: x - state.rate * g, state.point, state.slope
            )
            value, slope = objective.with_slope(trial)
            least = ARMIJO * state.rate * norm(state.slope) ** 2
            kept = goes_down(state.value - least, state.slope, value, slope)
            factor = jnp.where(kept, GROWTH, SHRINKAGE)
            rate = state.rate * factor.astype(state.rate.dtype)
            new = _Slope(trial, value, slope, rate)
            return jax.tree.map(
                lambda a, b: jnp.where(kept, a, b), new, state._replace(rate=rate)
            )

        value, slope = objective.with_slope(start)
        rate = jnp.asarray(self.rate, objective.model.dtype)
        return descend(
            advance,
            _Slope(start, value, slope, rate),
            objective,
            steps=self.steps,
            block=self.block,
            patience=PATIENCE,
            tolerance=self.tolerance,
        )


class _Slope(NamedTuple):
    point: Parameters
    value: Float[Array, ""]
    slope: Parameters
    rate: Float[Array, ""]


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015) on the full batch, at a constant rate.

    Attributes:
        rate: Length of a step in each parameter, about; of the scaled data.
        first_decay: Of the mean of gradients.
        second_decay: Of the mean of their squares.
        steps: Number of steps at most.
        block: Steps between looks at the gradient.
        tolerance: Norm of the gradient of `F` at which it ends.
    """

    apart: ClassVar[bool] = False
    rate: float = 1e-2
    first_decay: float = 0.9
    second_decay: float = 0.999
    steps: int = 20_000
    block: int = 50
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        positive(self, rate=self.rate, tolerance=self.tolerance)
        counts(self, steps=self.steps, block=self.block)
        for field in ("first_decay", "second_decay"):
            value = getattr(self, field)
            if not is_number(value) or not 0 <= value < 1:
                raise ValueError(f"Adam: {field} must be in [0, 1), got {value!r}")

    def run(self, objective: Objective, start: Parameters) -> Run:
        """Descend from one start."""
        rule = optax.adam(self.rate, self.first_decay, self.second_decay)

        def advance(state: _Moments) -> _Moments:
            # optax' types know no dataclass as a tree.
            slope: Any = objective.slope(state.point)
            change, moments = rule.update(slope, state.moments)
            point = jax.tree.map(jnp.add, state.point, change)
            return _Moments(point, moments)

        return descend(
            advance,
            _Moments(start, rule.init(cast(Any, start))),
            objective,
            steps=self.steps,
            block=self.block,
            patience=PATIENCE,
            tolerance=self.tolerance,
        )


class _Moments(NamedTuple):
    point: Parameters
    moments: optax.OptState
