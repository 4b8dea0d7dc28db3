"""The optimum at r = k − 1, as a search over one vector of the tasks' space."""

from functools import partial

import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from theory.linear.metric_bound import Whitened, metric_lower_bound, whiten
from theory.linear.result import SharedOptimum, assemble
from theory.linear.single_task import task_ranks
from theory.tasks import TaskStatistics

STEPS = 300
TOLERANCE = 1e-10
MOST_STARTS = 64


@partial(jax.jit, static_argnames=("bounded",))
def one_less_optimum(
    statistics: TaskStatistics, weights: Float[Array, " k"], *, bounded: bool = True
) -> SharedOptimum:
    """Optimum at `r = k − 1` for tasks of full rank and positive weight.

    `rank Θ ≤ k − 1` means `Σ_i c_iθ_i = 0` for a unit vector `c`. For fixed `c`,

        θ_i = θ̂_i − c_i H_i⁻¹ν,   ν = (Σ_i c_i² H_i⁻¹)⁻¹ Σ_i c_iθ̂_i,
        excess(c) = (Σ c_iθ̂_i)ᵀ (Σ c_i² H_i⁻¹)⁻¹ (Σ c_iθ̂_i),      H_i = α_iG_i,

    by Lagrange multipliers. `excess` is minimised over the sphere by BFGS from the
    unit vectors, their pairwise sums and differences, and singular vectors of `Θ̂`:
    k unknowns instead of dr. The lower bound is that of `theory.linear.metric_bound`,
    so the bracket is certified only where that is tight.

    Source: docs/mathematics.md, "One direction less than tasks"; derived here.
    """
    tasks = whiten(statistics, weights)
    inverse = jax.vmap(jnp.linalg.inv)(tasks.gram)
    size = jnp.sqrt(jnp.sum(tasks.moment * tasks.solution, axis=1))
    size = jnp.where(size > 0, size, 1)
    data = (inverse, tasks.solution, size)

    def descend(start: Float[Array, " k"]) -> tuple[Array, Array]:
        found = optx.minimise(
            _excess,
            optx.BFGS(rtol=TOLERANCE, atol=TOLERANCE),
            start,
            args=data,
            max_steps=STEPS,
            throw=False,
        )
        return found.value, _excess(found.value, data)

    points, values = jax.vmap(descend)(_starts(tasks, size))
    best = points[jnp.argmin(jnp.where(jnp.isfinite(values), values, jnp.inf))]
    theta = _parameters(best, data)
    right = jnp.linalg.svd(theta, full_matrices=False)[2][: len(best) - 1]
    width = len(best) - 1
    return assemble(
        statistics,
        weights,
        jax.lax.stop_gradient(tasks.basis.T @ right.T),
        lower_bound=metric_lower_bound(tasks, width) if bounded else tasks.residual,
        rank=task_ranks(statistics),
        route="r = k - 1: search over the vector that annihilates the tasks",
    )


def _multiplier(
    point: Float[Array, " k"], data: tuple[Array, Array, Array]
) -> tuple[Float[Array, " k"], Float[Array, " d"], Float[Array, " d"]]:
    inverse, solution, size = data
    c = point / size
    # Homogeneous of degree 0 in c, so the scale is free; a unit vector is safest.
    c = c / jnp.sqrt(jnp.sum(c**2))
    mixed = c @ solution
    return c, mixed, jnp.linalg.solve(jnp.einsum("k,kde->de", c**2, inverse), mixed)


def _excess(
    point: Float[Array, " k"], data: tuple[Array, Array, Array]
) -> Float[Array, ""]:
    _, mixed, multiplier = _multiplier(point, data)
    return mixed @ multiplier / jnp.sum(data[2] ** 2)


def _parameters(
    point: Float[Array, " k"], data: tuple[Array, Array, Array]
) -> Float[Array, "k d"]:
    c, _, multiplier = _multiplier(point, data)
    return data[1] - c[:, None] * (data[0] @ multiplier)


def _starts(tasks: Whitened, size: Float[Array, " k"]) -> Float[Array, "n k"]:
    """Unit vectors, pairs and singular vectors, in units of the tasks' sizes."""
    k = len(size)
    eye = jnp.eye(k, dtype=size.dtype)
    _, _, singular = jnp.linalg.svd((tasks.solution / size[:, None]).T)
    first, second = jnp.triu_indices(k, 1)
    pairs = jnp.concatenate([eye[first] + eye[second], eye[first] - eye[second]])
    # Off the axes by a little: there the derivative of the search is smooth.
    starts = jnp.concatenate([singular[::-1], eye + 1e-2, pairs + 1e-2])
    return starts[:MOST_STARTS]
