"""What the solver asks of a penalty: value, proximal map, and polar or conjugate."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.arguments import check_array, check_shape


def non_negative(name: str) -> Callable[[Any], Float[Array, "*n"]]:
    """What converts a field: a number, or several for `jax.vmap`, finite and >= 0."""
    return lambda value: check_array(name, value, rule="finite and >= 0", double=True)


class Penalty(eqx.Module):
    """`R(W)`, beside which the objective has `(ρ/2)‖W‖²`.

    Parameters are written as tasks x inputs, `w_i` a row of the array; what the
    formulas call row `W^j`, feature `j` in all tasks, is a column of it.
    """

    @property
    @abc.abstractmethod
    def ridge(self) -> Float[Array, "*n"]:
        """`ρ`, the last field of every penalty."""

    @abc.abstractmethod
    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """`R(W)`, without the ridge."""

    @abc.abstractmethod
    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, "*d"]
    ) -> Float[Array, "k d"]:
        """`argmin_X ½‖X − W‖² + t R(X)`, `t` the step.

        Where `R` is a sum over features, `t` may be one number for each of them.
        """

    @abc.abstractmethod
    def dual(
        self, slope: Float[Array, "k d"], lin: Float[Array, ""], sq: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The best `t ≥ 0` and its `D(t) = t lin − ½t² sq − R*(tV)`, `V` the slope."""

    @abc.abstractmethod
    def least_zero(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """The least strength with `W = 0`, where `V` is the slope at 0."""

    @abc.abstractmethod
    def is_zero(self) -> Bool[Array, "*n"]:
        """Whether `R` is 0, which no scaled residual can certify."""

    @abc.abstractmethod
    def at(self, strength: Any) -> "Penalty":
        """The penalty with another strength; ratios of several strengths stay."""

    def check(self, count: int) -> None:
        """Refuse several strengths at once, and what does not fit so many tasks."""
        for name, value in vars(self).items():
            if isinstance(value, jax.Array):
                check_shape(name, value, "")


class Norm(Penalty):
    """A norm `Ω`, strength inside: `R*` is 0 where `Ω°(V) ≤ 1`, infinite elsewhere."""

    @abc.abstractmethod
    def at(self, strength: Any) -> "Norm":
        """With another strength."""

    @abc.abstractmethod
    def polar(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """`Ω°(V) = max ⟨V, W⟩` over `Ω(W) ≤ 1`; infinite at strength 0."""

    def dual(
        self, slope: Float[Array, "k d"], lin: Float[Array, ""], sq: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """`t = min(lin/sq, 1/Ω°(V))`, at least 0."""
        return scaled_residual(self.polar(slope), lin, sq)

    def least_zero(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """`Ω°(V)` at strength 1."""
        return self.at(1.0).polar(slope)


class RowSparse(Norm):
    """A norm that is a sum over rows: most are zero at its optimum."""

    @abc.abstractmethod
    def row_polar(self, slope: Float[Array, "k d"]) -> Float[Array, " d"]:
        """`Ω°_j(V)` of each row; `W^j = 0` at the optimum where it is below 1."""

    @abc.abstractmethod
    def row_radius(self, curvature: Float[Array, "k d"]) -> Float[Array, " d"]:
        """`ω_j`, the most of `Ω°_j(E)` for `|E_ij| ≤ c_ij^½ x_i` and `‖x‖ ≤ 1`."""

    def polar(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """The largest over rows."""
        return jnp.max(self.row_polar(slope))


class HalfSquared(Penalty):
    """Half a squared norm: `R*` is finite, and `R*(tV) = t²R*(V)`."""

    @abc.abstractmethod
    def conjugate(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """`R*(V) = max_W ⟨V, W⟩ − R(W)`; infinite at strength 0."""

    def dual(
        self, slope: Float[Array, "k d"], lin: Float[Array, ""], sq: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """`t = lin/(sq + 2R*(V))`, at least 0."""
        zero = jnp.zeros_like(lin)
        return scaled_residual(zero, lin, sq + 2 * self.conjugate(slope))

    def least_zero(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """No strength makes `W` zero, unless the slope is zero."""
        return jnp.where(jnp.any(slope != 0), jnp.inf, 0.0)


def scaled_residual(
    polar: Float[Array, ""], lin: Float[Array, ""], sq: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Maximise `t lin − ½t² sq` over `0 ≤ t ≤ 1/polar`."""
    known = (lin > 0) & jnp.isfinite(sq)
    free = jnp.where(known, lin, 0) / jnp.where(known & (sq > 0), sq, 1)
    most = jnp.where(polar > 0, 1 / jnp.where(polar > 0, polar, 1), jnp.inf)
    t = jnp.minimum(free, most)
    return t, jnp.where(t > 0, t * lin - t**2 * jnp.where(known, sq, 0) / 2, 0)


def over(size: Float[Array, "*n"], strength: Float[Array, "*m"]) -> Float[Array, "*n"]:
    """`size/strength`, where `0/0` is 0 and other sizes over 0 are infinite."""
    positive = strength > 0
    ratio = size / jnp.where(positive, strength, 1)
    return jnp.where(positive, ratio, jnp.where(size > 0, jnp.inf, 0))
