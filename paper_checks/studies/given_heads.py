"""Two tasks, and the best module for heads that are given."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.judge.matrices import FLOOR, solved
from theory.linear import loss
from theory.tasks import TaskStatistics

TASKS, DIMENSION, COLUMNS = 2, 3, 3
# Sums of d terms of this many factors on either side of a comparison of losses.
ROUNDING = 64


class GivenHeads(NamedTuple):
    """Two tasks, and heads of which the first `width` entries are used."""

    gram: Float[Array, "2 d d"]
    moment: Float[Array, "2 d"]
    energy: Float[Array, "2"]
    heads: Float[Array, "2 3"]
    width: Float[Array, ""]

    @classmethod
    def latent(cls) -> dict[str, tuple[int, ...]]:
        """Shapes of the normal numbers that a claim makes an instance of."""
        return {
            "gram": (TASKS, DIMENSION, DIMENSION),
            "moment": (TASKS, DIMENSION),
            "noise": (TASKS,),
            "heads": (TASKS, COLUMNS),
            "more": (),
        }

    @property
    def used(self) -> Float[Array, "2 3"]:
        """The heads, zero from entry `width` on."""
        return jnp.where(jnp.arange(COLUMNS) < self.width, self.heads, 0)

    @property
    def solutions(self) -> Float[Array, "2 d"]:
        """`θ̂_i`."""
        return jnp.linalg.solve(self.gram, self.moment[:, :, None])[:, :, 0]

    @property
    def alone(self) -> Float[Array, ""]:
        """`Σ_i ‖X_iθ̂_i − y_i‖²`."""
        return jnp.sum(self.energy) - jnp.sum(self.moment * self.solutions)

    @property
    def reached(self) -> Float[Array, ""]:
        """`min_B f(A_1..A_k; B)`, from all `dr` normal equations at once."""
        heads = self.used
        pairs = heads[:, :, None] * heads[:, None, :]
        size = COLUMNS * DIMENSION
        normal = jnp.einsum("irs,ide->rdse", pairs, self.gram).reshape(size, size)
        right = jnp.einsum("ir,id->rd", heads, self.moment).reshape(size)
        shared = solved(normal, right).reshape(COLUMNS, DIMENSION).T
        samples = jnp.full(TASKS, 2.0 * DIMENSION)
        tasks = TaskStatistics(self.gram, self.moment, self.energy, samples)
        return loss(tasks, shared, heads)

    @property
    def least_at_width_1(self) -> Float[Array, ""]:
        """A lower bound on `f` for every module of one column, and any heads.

        `G_i ⪰ FLOOR · I`, so that task `i` loses at least `FLOOR ‖θ_i − θ̂_i‖²`, and
        two parameters on one line are `σ_2(θ̂_1, θ̂_2)` away from the solutions
        (Eckart-Young). Source: derived here.
        """
        (a, b), (_, c) = self.solutions @ self.solutions.T
        second = (a + c) / 2 - jnp.hypot((a - c) / 2, b)
        return self.alone + FLOOR * jnp.maximum(second, 0)

    @property
    def rounding(self) -> Float[Array, ""]:
        """What rounding explains of a difference of losses."""
        size = jnp.sum(self.solutions**2, axis=1) * jnp.trace(self.gram, 0, 1, 2)
        scale = jnp.sum(self.energy + size)
        return ROUNDING * DIMENSION * jnp.finfo(scale.dtype).eps * scale
