"""The metric behind `theory.linear.metric_bound`, for evidence of kind `metric`."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float

from theory.certificates.exact import Exact, ExactProblem, exact
from theory.linear.metric_bound import RATE, STEPS, Whitened, _excess, whiten
from theory.tasks import TaskStatistics


def best_metric(problem: ExactProblem, rank: int) -> Exact | None:
    """The best metric `K` that the ascent of `metric_lower_bound` meets.

    `None` where a direction is seen by no task. The bound is computed anew from `K`, so
    nothing here needs to be exact.
    """
    statistics = rounded_statistics(problem)
    tasks = jax.jit(whiten)(statistics, jnp.ones(problem.count))
    basis = np.asarray(tasks.basis)
    if not np.any(basis, axis=1).all():
        return None
    eye = jnp.eye(problem.dimension)
    # The starts of `metric_lower_bound`.
    starts = jnp.concatenate([eye[None], tasks.gram[:4] + 0.1 * eye])
    values, roots = _ascend(tasks, jnp.linalg.cholesky(starts), rank)
    root = np.linalg.solve(basis, np.tril(roots[jnp.argmax(values)]))
    return exact(root) @ exact(root).T


def rounded_statistics(problem: ExactProblem) -> TaskStatistics:
    """Statistics in floats with the weights absorbed, as if from `2d` rows each."""
    parts = [problem.part(i) for i in range(problem.count)]
    gram, moment, energy = (
        jnp.asarray(np.array([part[j] for part in parts]).astype(float))
        for j in range(3)
    )
    samples = jnp.full(problem.count, 2.0 * problem.dimension)
    return TaskStatistics(gram, moment, energy, samples)


@partial(jax.jit, static_argnames="rank")
def _ascend(
    tasks: Whitened, starts: Float[Array, "n d d"], rank: int
) -> tuple[Float[Array, " n"], Float[Array, "n d d"]]:
    """The best values by Adam from each start, and where they are reached."""
    optimiser = optax.adam(RATE)
    slope = jax.value_and_grad(_excess)

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        at, state, best, where = carry
        value, gradient = slope(at, tasks, rank)
        fine = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
        better = fine & (value > best)
        gradient = jnp.where(fine, -gradient, 0)
        update, state = optimiser.update(gradient, state)
        best, where = jnp.where(better, value, best), jnp.where(better, at, where)
        return (at + update, state, best, where), None

    def climb(root: Float[Array, "d d"]) -> tuple[Array, Array]:
        start = (root, optimiser.init(root), jnp.zeros((), root.dtype), root)
        return lax.scan(step, start, None, length=STEPS)[0][2:]

    return lax.map(climb, starts)
