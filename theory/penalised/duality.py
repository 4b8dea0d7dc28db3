"""One certificate for every convex penalty: the scaled residual as a dual point."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from theory.linear.rounding import entry_rounding
from theory.penalised.penalty import Penalty
from theory.tasks import TaskStatistics


class Problem(eqx.Module):
    """Statistics as the solver reads them; one Gram matrix where all are equal."""

    gram: Float[Array, "g d d"]
    moment: Float[Array, "k d"]
    energy: Float[Array, " k"]
    samples: Float[Array, " k"]
    weights: Float[Array, " k"]

    @classmethod
    def of(
        cls, statistics: TaskStatistics, weights: Float[Array, " k"], *, common: bool
    ) -> "Problem":
        """The statistics, with the first Gram matrix alone if it is `common`."""
        return cls(
            statistics.gram[:1] if common else statistics.gram,
            statistics.moment,
            statistics.energy,
            statistics.samples,
            weights,
        )

    def seen(self, parameters: Float[Array, "k d"]) -> Float[Array, "k d"]:
        """`G_i w_i`."""
        if len(self.gram) == 1:
            return parameters @ self.gram[0]
        return jnp.einsum("kde,ke->kd", self.gram, parameters)

    def rows(self, index: Int[Array, " p"]) -> "Problem":
        """The problem on some features; those below 0 become columns of zeros."""
        real = index >= 0
        gram = self.gram[:, index][:, :, index] * (real[:, None] & real)
        moment = self.moment[:, index] * real
        return eqx.tree_at(lambda p: (p.gram, p.moment), self, (gram, moment))

    def slope(
        self,
        parameters: Float[Array, "k d"],
        seen: Float[Array, "k d"],
        ridge: Float[Array, ""],
    ) -> Float[Array, "k d"]:
        """`v_i = α_i(g_i − G_iw_i) − ρw_i`, less the gradient of the smooth part."""
        return self.weights[:, None] * (self.moment - seen) - ridge * parameters


class Judged(NamedTuple):
    """A point, its objective, and a lower bound of every objective."""

    parameters: Float[Array, "k d"]
    objective: Float[Array, ""]
    loss: Float[Array, ""]
    bound: Float[Array, ""]
    scale: Float[Array, ""]
    rounding: Float[Array, ""]


Dual = Callable[[Array, Array, Array], tuple[Array, Array]]


def judge(
    problem: Problem,
    penalty: Penalty,
    parameters: Float[Array, "k d"],
    seen: Float[Array, "k d"],
    dual: Dual | None = None,
) -> Judged:
    """Evaluate `F(W)` and the best `D(t)` of the scaled residual at `W`.

    With `A` the stack of `√α_iX_i` and `√ρI`, `b` that of `√α_iy_i` and zeros,

        F(W) = ½‖b − AW‖² + R(W) ≥ ⟨b, u⟩ − ½‖u‖² − R*(Aᵀu)   for every u

    (Fenchel and Young; the tasks' blocks of `u` are free of each other, so their `X_i`
    may differ). At `u = t(b − AW)` all of it follows from the statistics:

        D(t) = t lin − ½t² sq − R*(tV),   V = Aᵀ(b − AW), rows v_i of `Problem.slope`,
        lin = Σ_i α_i(e_i − g_iᵀw_i),
        sq = Σ_i α_i(e_i − 2g_iᵀw_i + w_iᵀG_iw_i) + ρ‖W‖².

    Rounding of `lin` and `sq` is taken off: each is moved by

        r = Σ_i α_i u_i [(Σ_a n_a|w_ia| + √e_i)² − e_i],   n_a = √G_i,aa,

    to the side that lowers `D`. It is `inherent_rounding` without the rounding of
    `e_i` itself, which adds the same to `F` and to `D` at `t = 1`. Where labels are
    almost fitted `sq` cancels, and a gap below `2r` is not to be had. Rounding of `V`
    is not counted.

    Args:
        problem: The tasks.
        penalty: `R` and `ρ`.
        parameters: `W`.
        seen: `G_iw_i`.
        dual: In place of that of the penalty.

    Derived here.
    """
    alpha, energy = problem.weights, problem.energy
    linear = jnp.sum(problem.moment * parameters, axis=1)
    curved = jnp.sum(seen * parameters, axis=1)
    loss = jnp.sum(alpha * (energy - 2 * linear + curved))
    sq = loss + penalty.ridge * jnp.sum(parameters**2)
    lin = jnp.sum(alpha * (energy - linear))
    rounding = _rounding(problem, parameters)
    slope = problem.slope(parameters, seen, penalty.ridge)
    scale, bound = (dual or penalty.dual)(slope, lin - rounding, sq + rounding)
    value = jnp.maximum(sq, 0) / 2 + penalty.value(parameters)
    return Judged(parameters, value, loss, bound, scale, rounding)


def _rounding(problem: Problem, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
    """`r` of `judge`."""
    norm = jnp.sqrt(jnp.diagonal(problem.gram, axis1=1, axis2=2))
    moved = jnp.sum(norm * jnp.abs(parameters), axis=1)
    grown = moved * (moved + 2 * jnp.sqrt(problem.energy))
    return jnp.sum(problem.weights * entry_rounding(problem.samples) * grown)


def better(first: Judged, second: Judged) -> Judged:
    """The point of less objective, with the higher of both bounds."""
    lower = second.objective < first.objective
    point = [jnp.where(lower, b, a) for a, b in zip(first, second, strict=True)]
    best = Judged(*point)
    higher = second.bound > first.bound
    return best._replace(
        bound=jnp.where(higher, second.bound, first.bound),
        scale=jnp.where(higher, second.scale, first.scale),
    )


def allowed(
    problem: Problem, rounding: Float[Array, ""], tolerance: float | Array
) -> Float[Array, ""]:
    """The gap that counts as closed: `max(tolerance Σ_i α_ie_i, 2r)`."""
    return jnp.maximum(
        tolerance * jnp.sum(problem.weights * problem.energy), 2 * rounding
    )
