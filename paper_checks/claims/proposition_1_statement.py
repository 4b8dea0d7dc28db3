"""W-P1 as a statement: the best module for any heads that can tell the tasks apart."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import FLOOR, definite, solved
from paper_checks.judge.statement import Statement
from theory.linear import loss
from theory.tasks import TaskStatistics

SOURCE = "W-P1 (Proposition 1)"
TASKS, DIMENSION, COLUMNS = 2, 3, 3
# Heads are far from a common line: det/tr² of their Gram matrix is 1/4 at most.
APART = 1e-3
# Sums of d terms of this many factors on either side.
ROUNDING = 64


class GivenHeads(NamedTuple):
    """Two tasks, and heads of which the first `width` entries are used."""

    gram: Float[Array, "2 d d"]
    moment: Float[Array, "2 d"]
    energy: Float[Array, "2"]
    heads: Float[Array, "2 3"]
    width: Float[Array, ""]

    @property
    def used(self) -> Float[Array, "2 3"]:
        """Heads, zero from entry `width` on."""
        return jnp.where(jnp.arange(COLUMNS) < self.width, self.heads, 0)

    @property
    def solutions(self) -> Float[Array, "2 d"]:
        """`θ̂_i`."""
        return jnp.linalg.solve(self.gram, self.moment[:, :, None])[:, :, 0]


Alone = Callable[[GivenHeads], Float[Array, ""]]


def alone(given: GivenHeads) -> Float[Array, ""]:
    """`Σ_i ‖X_iθ̂_i − y_i‖²`."""
    return jnp.sum(given.energy) - jnp.sum(given.moment * given.solutions)


def reached(given: GivenHeads) -> Float[Array, ""]:
    """`min_B f(A_1..A_k; B)` at these heads, from all `dr` normal equations at once."""
    heads = given.used
    pairs = heads[:, :, None] * heads[:, None, :]
    size = COLUMNS * DIMENSION
    normal = jnp.einsum("irs,ide->rdse", pairs, given.gram).reshape(size, size)
    right = jnp.einsum("ir,id->rd", heads, given.moment).reshape(size)
    shared = solved(normal, right).reshape(COLUMNS, DIMENSION).T
    samples = jnp.full(TASKS, 2.0 * DIMENSION)
    tasks = TaskStatistics(given.gram, given.moment, given.energy, samples)
    return loss(tasks, shared, heads)


def least_at_width_1(given: GivenHeads) -> Float[Array, ""]:
    """A bound on `f` from below for every module of one column, and any heads.

    `G_i ⪰ FLOOR · I`, so that task `i` loses at least `FLOOR ‖θ_i − θ̂_i‖²`, and two
    parameters on one line are `σ_2(θ̂_1, θ̂_2)` away from the solutions (Eckart-Young).
    """
    (a, b), (_, c) = given.solutions @ given.solutions.T
    second = (a + c) / 2 - jnp.hypot((a - c) / 2, b)
    return alone(given) + FLOOR * jnp.maximum(second, 0)


def conclude(given: GivenHeads, key: PRNGKeyArray, right: Alone = alone) -> Check:
    """Compare training at these heads with the tasks trained apart.

    With fewer columns than tasks the left side is what no module gets below: only
    that refutes the proposition, whose heads are free.
    """
    del key
    size = jnp.sum(given.solutions**2, axis=1) * jnp.trace(given.gram, 0, 1, 2)
    scale = jnp.sum(given.energy + size)
    return Check(
        lhs=jnp.where(given.width >= TASKS, reached(given), least_at_width_1(given)),
        rhs=right(given),
        tolerance=ROUNDING * DIMENSION * jnp.finfo(scale.dtype).eps * scale,
        relation="==",
        source=SOURCE,
    )


def margins(given: GivenHeads) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """At least as many columns as tasks, and heads of full rank."""
    heads = given.used
    (a, b), (_, c) = heads @ heads.T
    apart = (a * c - b**2) / (a + c + 1e-100) ** 2 - APART
    return given.width - TASKS, jnp.where(given.width >= TASKS, apart, a + c)


def build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> GivenHeads:
    """Two tasks at `r = k` or `k + 1`."""
    gram = jnp.stack([definite(z) for z in latent["gram"]])
    moment, heads = latent["moment"], latent["heads"]
    width = jnp.where(latent["more"] > 0, TASKS + 1.0, TASKS)
    # Heads on one line serve one direction, whatever B has besides.
    line = jnp.stack([heads[0], latent["more"] * heads[0]])
    explained = moment * jnp.linalg.solve(gram, moment[:, :, None])[:, :, 0]
    return GivenHeads(
        gram=gram,
        moment=moment,
        energy=jnp.sum(explained, axis=1) + latent["noise"] ** 2,
        heads=jnp.where(dropped == 1, line, heads),
        width=jnp.where(dropped == 0, TASKS - 1.0, width),
    )


@cache
def proposition_1(right: Alone = alone, name: str = "W-P1") -> Statement[GivenHeads]:
    """`min_B f = Σ_i ‖X_iθ̂_i − y_i‖²` for any heads of rank `k`, so for `r ≥ k`.

    Proposition 1 says this of some heads. That a bad choice of heads is no obstacle
    is derived here: `k` independent heads can be mapped to any `k` parameters.
    """
    d = DIMENSION
    return Statement(
        name=name,
        source=SOURCE,
        version=1,
        latent={
            "gram": (TASKS, d, d),
            "moment": (TASKS, d),
            "noise": (TASKS,),
            "heads": (TASKS, COLUMNS),
            "more": (),
        },
        hypotheses=("r at least k", "heads of rank k"),
        build=build,
        margins=margins,
        conclude=lambda given, key: conclude(given, key, right),
    )
