"""The loop of our own solvers: blocks of steps, and a look at the point between."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Protocol, TypeGuard, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from simulations.training.objective import Objective, norm
from simulations.training.result import Parameters, Status

# Of a start that goes on.
_RUNNING = -1
# The gradient of F is a sum of terms of order 1, each rounded.
ROUNDING = 10


class Run(NamedTuple):
    """Where one start ended, and how."""

    point: Parameters
    steps: Int[Array, ""]
    status: Int[Array, ""]
    gradient: Float[Array, ""]


@runtime_checkable
class Solver(Protocol):
    """A choice of method with its settings: frozen, so that it may be static.

    `apart`: starts share no work, as each factorises a matrix of its own. On a CPU
    they then follow one another, and none waits for the slowest.
    """

    apart: ClassVar[bool]

    def run(self, objective: Objective, start: Parameters) -> Run:
        """Descend from one start. May be vmapped, and raises nothing."""
        ...


def reachable(tolerance: float, objective: Objective) -> float:
    """The tolerance, or what the precision of the data allows if that is more."""
    return max(tolerance, ROUNDING * float(jnp.finfo(objective.model.dtype).eps))


class _Carry(NamedTuple):
    state: Any
    point: Parameters
    steps: Int[Array, ""]
    status: Int[Array, ""]
    gradient: Float[Array, ""]
    least: Float[Array, "2"]
    idle: Int[Array, ""]


def descend(
    advance: Callable[[Any], Any],
    state: Any,
    objective: Objective,
    *,
    steps: int,
    block: int,
    patience: int,
    tolerance: float,
    known: Callable[[Any], tuple[Array, Array]] | None = None,
) -> Run:
    """Repeat `advance` until the gradient of `F` is small, or steps run out.

    The point is looked at after every `block` steps: a look costs a gradient, and a
    condition in a compiled loop hinders it. Where `F` or its gradient is no longer
    finite the start stops at the last point that was looked at before. After
    `patience` looks at which neither `F` nor its gradient was the least so far it has
    stalled.

    Args:
        advance: One step, from a state to the next.
        state: The first; it has a field `point`.
        objective: `F`.
        steps: Number of steps at most.
        block: Steps between looks.
        patience: Looks without progress.
        tolerance: Norm of the gradient of `F` that counts as converged.
        known: `F` and the norm of its gradient, where a state has them already.
    """
    enough = reachable(tolerance, objective)

    def measure(state: Any) -> tuple[Array, Array]:
        value, slope = objective.with_slope(state.point)
        return value, norm(slope)

    def look(state: Any) -> tuple[Array, Array]:
        seen = jnp.stack((known or measure)(state))
        status = jnp.where(seen[1] <= enough, int(Status.CONVERGED), _RUNNING)
        lost = ~jnp.isfinite(seen).all()
        return jnp.where(lost, int(Status.DIVERGED), status), seen

    def body(carry: _Carry) -> _Carry:
        count = jnp.minimum(block, steps - carry.steps)
        state = lax.fori_loop(0, count, lambda _, s: advance(s), carry.state)
        taken = carry.steps + count
        status, seen = look(state)
        idle = jnp.where((seen < carry.least).any(), 0, carry.idle + 1)
        for ended, why in (
            (idle >= patience, Status.STALLED),
            (taken >= steps, Status.OUT_OF_STEPS),
        ):
            status = jnp.where((status == _RUNNING) & ended, int(why), status)
        lost = status == int(Status.DIVERGED)
        point = jax.tree.map(
            lambda old, new: jnp.where(lost, old, new), carry.point, state.point
        )
        gradient = jnp.where(lost, carry.gradient, seen[1])
        least = jnp.minimum(carry.least, seen)
        return _Carry(state, point, taken, status, gradient, least, idle)

    none = jnp.zeros((), int)
    status, seen = look(state)
    first = _Carry(state, state.point, none, status, seen[1], seen, none)
    last = lax.while_loop(lambda carry: carry.status == _RUNNING, body, first)
    return Run(last.point, last.steps, last.status, last.gradient)


def goes_down(
    bound: Float[Array, ""],
    old: Parameters,
    value: Float[Array, ""],
    new: Parameters,
) -> Bool[Array, ""]:
    """Whether a step is one down: `F` is within the bound, or its gradient shrinks.

    The second counts only where `F` and its bound differ by no more than rounding,
    which is where `F` no longer tells one point from another. False for a NaN.

    Args:
        bound: What `F` must not exceed.
        old: Gradient before the step.
        value: `F` after the step.
        new: Gradient after the step.
    """
    noise = ROUNDING * jnp.finfo(value.dtype).eps * jnp.abs(bound)
    level = (value <= bound + noise) & (norm(new) < norm(old))
    return (value < bound) | level


def positive(solver: object, **values: object) -> None:
    """Refuse settings that are no numbers, not above zero, or not finite.

    Raises:
        ValueError: The message names solver, field and value.
    """
    for field, value in values.items():
        if not is_number(value) or not 0 < value < float("inf"):
            raise ValueError(
                f"{type(solver).__name__}: {field} must be finite and above 0, got "
                f"{value!r}"
            )


def counts(solver: object, **values: object) -> None:
    """Refuse settings that are not integers above zero.

    Raises:
        ValueError: The message names solver, field and value.
    """
    for field, value in values.items():
        if not is_number(value) or not isinstance(value, Integral) or value < 1:
            raise ValueError(
                f"{type(solver).__name__}: {field} must be an integer above 0, got "
                f"{value!r}"
            )


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a real number that jax may take as static."""
    return isinstance(value, Real) and not isinstance(value, bool)
