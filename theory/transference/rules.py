"""What an optimiser's step subtracts, for a gradient and the state of the run."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike as Number
from jaxtyping import Array, Float, PyTree

from theory.arguments import check_array, check_values


def _number(name: str) -> Callable[[Number], Float[Array, ""]]:
    """Convert a field that is one number, finite and not negative."""

    def converted(value: Number) -> Float[Array, ""]:
        return check_array(name, value, "", "finite and >= 0")

    return converted


class Rule(eqx.Module):
    """A step of an optimiser: subtracts `displacement(gradient)`."""

    def displacement(self, gradient: PyTree[Array]) -> PyTree[Array]:
        """Return the displacement `Δ` that a step subtracts, leaf by leaf."""
        raise NotImplementedError


class SGD(Rule):
    """Plain gradient descent, `Δ = ηg`.

    Attributes:
        rate: `η`.

    Raises:
        ValueError: `rate` is not one number, or, unless traced, not finite or below 0.
    """

    rate: Float[Array, ""] = eqx.field(converter=_number("rate"))

    def displacement(self, gradient: PyTree[Array]) -> PyTree[Array]:
        """Return `ηg`."""
        return jax.tree.map(lambda g: self.rate * g, gradient)


class Momentum(Rule):
    """Heavy ball, `Δ = η(μv + g)`, with the velocity of the joint run.

    The velocity `v` is the decayed sum of gradients; TAG's released code stores `−ηv`.

    Attributes:
        rate: `η`.
        decay: `μ`.
        velocity: `v`, of the gradient's shape.

    Raises:
        ValueError: As `SGD`, for `rate` or `decay`; or a velocity that is not finite.
    """

    rate: Float[Array, ""] = eqx.field(converter=_number("rate"))
    decay: Float[Array, ""] = eqx.field(converter=_number("decay"), kw_only=True)
    velocity: PyTree[Array] = eqx.field(kw_only=True)

    def __check_init__(self) -> None:
        _check_state("velocity", self.velocity, "finite")

    def displacement(self, gradient: PyTree[Array]) -> PyTree[Array]:
        """Return `η(μv + g)`."""
        return jax.tree.map(
            lambda g, v: self.rate * (self.decay * v + g), gradient, self.velocity
        )


class Adam(Rule):
    """Adam, with the moments of the joint run.

        m' = β₁m + (1 − β₁)g,   v' = β₂v + (1 − β₂)g²,   Δ = η m̂'/(√v̂' + ε),

    `m̂' = m'/(1 − β₁^(n+1))` and `v̂' = v'/(1 − β₂^(n+1))` after `n` steps so far.
    Where `ε = 0` and `v̂' = 0`, so that `m̂' = 0` if the state is one of Adam's, `Δ =
    0`.

    Attributes:
        rate: `η`.
        first: `m`, of the gradient's shape.
        second: `v`, of the gradient's shape.
        count: `n`.
        first_decay: `β₁`.
        second_decay: `β₂`.
        epsilon: `ε`.

    Raises:
        ValueError: As `SGD`, for any of the numbers; or moments that are not finite, or
            a second one below 0.

    Source: arXiv 1412.6980, algorithm 1.
    """

    rate: Float[Array, ""] = eqx.field(converter=_number("rate"))
    first: PyTree[Array] = eqx.field(kw_only=True)
    second: PyTree[Array] = eqx.field(kw_only=True)
    count: Float[Array, ""] = eqx.field(converter=_number("count"), kw_only=True)
    first_decay: Float[Array, ""] = eqx.field(
        converter=_number("first_decay"), kw_only=True, default=0.9
    )
    second_decay: Float[Array, ""] = eqx.field(
        converter=_number("second_decay"), kw_only=True, default=0.999
    )
    epsilon: Float[Array, ""] = eqx.field(
        converter=_number("epsilon"), kw_only=True, default=1e-8
    )

    def __check_init__(self) -> None:
        _check_state("first", self.first, "finite")
        _check_state("second", self.second, "finite and >= 0")

    def displacement(self, gradient: PyTree[Array]) -> PyTree[Array]:
        """Return `η m̂'/(√v̂' + ε)`."""
        return jax.tree.map(self._leaf, gradient, self.first, self.second)

    def _leaf(self, gradient: Array, first: Array, second: Array) -> Array:
        one, other, steps = self.first_decay, self.second_decay, self.count + 1
        mean = (one * first + (1 - one) * gradient) / (1 - one**steps)
        square = (other * second + (1 - other) * gradient**2) / (1 - other**steps)
        size = jnp.sqrt(jnp.where(square > 0, square, 1))
        below = jnp.where(square > 0, size, 0) + self.epsilon
        return self.rate * jnp.where(
            below > 0, mean / jnp.where(below > 0, below, 1), 0
        )


def _check_state(name: str, state: PyTree[Array], rule: Any) -> None:
    for leaf in jax.tree.leaves(state):
        check_values(name, leaf, rule)
