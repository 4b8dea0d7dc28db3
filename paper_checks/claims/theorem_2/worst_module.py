"""The module that is worst for a target among those that are good for both tasks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from theory.tasks import TaskStatistics

# A_2/A_1 that are tried, in units of the ratio of the tasks' own solutions.
RATIOS = np.concatenate([[0.0], np.geomspace(1 / 8, 8, 9), -np.geomspace(1 / 8, 8, 9)])


def worst_error(
    tasks: TaskStatistics, parameter: Float[Array, " d"]
) -> Float[Array, ""]:
    """Largest `‖X_2(bA_2 − θ_2)‖` of modules that are as good for both as `θ̂_1`.

    They are looked for among `b = (G_1 + x²G_2)⁻¹(g_1 + xg_2)`, the best module for
    heads of ratio `x`: `θ̂_1` at 0, and `B*` at the best ratio. No search for `B*` is
    compiled, and its derivative is that at a fixed `x`.
    """

    def module(tasks: TaskStatistics, x: Array) -> Array:
        (one, other), (first, second) = tasks.gram, tasks.moment
        return jnp.linalg.solve(one + x**2 * other, first + x * second)

    def explained(tasks: TaskStatistics, b: Array) -> Array:
        size = jnp.sum((tasks.gram @ b) * b, axis=1)
        return jnp.sum((tasks.moment @ b) ** 2 / size)

    def error(tasks: TaskStatistics, b: Array) -> Array:
        gram = tasks.gram[1]
        apart = (tasks.moment[1] @ b) / (b @ gram @ b) * b - parameter
        return jnp.sqrt(apart @ gram @ apart)

    fixed = lax.stop_gradient(tasks)
    alone = jnp.linalg.solve(fixed.gram, fixed.moment[:, :, None])[:, :, 0]
    size = jnp.sum((alone @ fixed.gram[1]) * alone, axis=1)
    ratios = jnp.sqrt(size[1] / size[0]) * RATIOS
    modules = jax.vmap(partial(module, fixed))(ratios)
    good = jax.vmap(partial(explained, fixed))(modules)
    far = jax.vmap(partial(error, fixed))(modules)
    # The first is that of θ̂_1; its own rounding is no reason to leave it out.
    worst = jnp.argmax(jnp.where(good >= (1 - 1e-12) * good[0], far, -jnp.inf))
    return error(tasks, module(tasks, lax.stop_gradient(ratios[worst])))
