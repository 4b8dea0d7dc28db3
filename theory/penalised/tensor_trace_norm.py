"""Parameters as a tensor of low rank: trace norms of its unfoldings."""

from typing import Any, NoReturn

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from theory.arguments import check_integer, check_shape
from theory.penalised.penalty import Norm, non_negative, over
from theory.penalised.trace_norm import on_singular_values, singular_values

MODES = 3


class TensorTraceNorm(Norm):
    """`R(W) = Σ_n λ_n‖W_(n)‖_*` of the tensor `d x k_1 x k_2`, task `i·k_2 + j`.

    Modes are inputs, first and second axis of the grid of tasks. All three are the
    relaxation of Tucker ranks, modes 1 and 3 that of tensor trains, mode 1 alone the
    trace norm. The sum has no prox in closed form: see `theory.penalised.splitting`.

    Attributes:
        strengths: `λ_1, λ_2, λ_3`, in units of `Σ_rows x y`.
        grid: `(k_1, k_2)`, `k_1k_2 = k`.
        ridge: `ρ` of `(ρ/2)‖W‖²`.

    Raises:
        ValueError: A negative strength or ridge, not three, or a grid of no tasks.

    Source: arXiv 1606.04038; the bound of the polar is derived here.
    """

    strengths: Float[Array, "*n 3"] = eqx.field(converter=non_negative("strengths"))
    grid: tuple[int, ...] = eqx.field(static=True)
    ridge: Float[Array, "*n"] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def __check_init__(self) -> None:
        if self.strengths.ndim < 1 or self.strengths.shape[-1] != MODES:
            raise ValueError(
                f"strengths must be {MODES} numbers, one a mode, got shape "
                f"{self.strengths.shape}"
            )
        if len(self.grid) != 2:
            raise ValueError(f"grid must be two numbers, got {self.grid}")
        for name, number in zip(("grid[0]", "grid[1]"), self.grid, strict=True):
            check_integer(name, number)

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """`Σ_n λ_n‖W_(n)‖_*`."""
        norms = [
            jnp.sum(singular_values(self.unfold(parameters, mode)))
            for mode in range(MODES)
        ]
        return jnp.sum(self.strengths * jnp.stack(norms))

    def unfold(
        self, parameters: Float[Array, "k d"], mode: int
    ) -> Float[Array, "n rest"]:
        """The matrix with one row for each index of this axis, 0 that of inputs."""
        tensor = parameters.reshape(*self.grid, -1)
        axis = (2, 0, 1)[mode]
        return jnp.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)

    def fold(self, matrix: Float[Array, "n rest"], mode: int) -> Float[Array, "k d"]:
        """The parameters whose unfolding this is."""
        axis = (2, 0, 1)[mode]
        shape = (*self.grid, matrix.size // (self.grid[0] * self.grid[1]))
        moved = (shape[axis], *(n for a, n in enumerate(shape) if a != axis))
        tensor = jnp.moveaxis(matrix.reshape(moved), 0, axis)
        return tensor.reshape(-1, shape[2])

    def mode_proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, ""], mode: int
    ) -> Float[Array, "k d"]:
        """The prox of one mode's term alone."""
        level = step * self.strengths[mode]
        matrix = self.unfold(parameters, mode)
        return self.fold(
            on_singular_values(matrix, lambda z: jnp.maximum(z - level, 0)), mode
        )

    def polar(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """A bound of `Ω°(V)` from above, the best of the splits `V_n = c_nV`.

        `V = Σ_n V_n` has `Ω°(V) ≤ max_n ‖V_n,(n)‖_op/λ_n`, and with `Σ_n c_n = 1` the
        least of these is `1/Σ_n (λ_n/‖V_(n)‖_op)`. Exact where only one `λ_n` is
        positive; in general the polar has no closed form.
        """
        sizes = jnp.stack([self._largest(slope, mode) for mode in range(MODES)])
        shares = self.strengths / jnp.where(sizes > 0, sizes, 1)
        return over(jnp.any(sizes > 0) * 1.0, jnp.sum(shares))

    def split_polar(self, parts: Float[Array, "3 k d"]) -> Float[Array, ""]:
        """`max_n ‖V_n,(n)‖_op/λ_n`, at least `Ω°(Σ_n V_n)`."""
        sizes = [self._largest(parts[mode], mode) for mode in range(MODES)]
        return jnp.max(over(jnp.stack(sizes), self.strengths))

    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, ""]
    ) -> NoReturn:
        """Refused: the sum has no prox in closed form, and is split instead."""
        raise NotImplementedError("the prox of a sum of unfoldings has no closed form")

    def check(self, count: int) -> None:
        """As many cells as tasks."""
        check_shape("strengths", self.strengths, "n")
        check_shape("ridge", self.ridge, "")
        cells = self.grid[0] * self.grid[1]
        if cells != count:
            raise ValueError(f"grid {self.grid} has {cells} cells for {count} tasks")

    def is_zero(self) -> Bool[Array, "*n"]:
        """Whether all strengths are 0."""
        return jnp.all(self.strengths == 0, axis=-1)

    def at(self, strength: Any) -> "TensorTraceNorm":
        """With this largest `λ_n`, and the others in the same ratio to it."""
        largest = jnp.max(self.strengths)
        ratio = self.strengths / jnp.where(largest > 0, largest, 1)
        return TensorTraceNorm(strength * ratio, self.grid, self.ridge)

    def _largest(self, parameters: Float[Array, "k d"], mode: int) -> Float[Array, ""]:
        return singular_values(self.unfold(parameters, mode))[0]
