"""Random linear problems on which statements are tried."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simulations.sampling import sample_statistics
from theory.tasks import TaskStatistics


def random_problem(
    key: PRNGKeyArray,
    tasks: int,
    dimension: int,
    samples: int | Float[Array, ""],
    *,
    common: bool = False,
    spread: float = 1.0,
    noise: float = 0.3,
) -> TaskStatistics:
    """Draw tasks with independent parameters, and covariances of their own.

    Covariances are `Q diag(s²) Qᵀ` with `Q` Haar and `log10 s` uniform over `spread`
    decades; `θ_i` is standard normal, so `X_iθ_i` has a variance near the trace.

    Args:
        key: Of the draw; vmap over it for many instances.
        tasks: `k`.
        dimension: `d`.
        samples: `m`, for every task; it may be traced unless `common`.
        common: One `X` for all tasks, so that Gram matrices are equal.
        spread: Decades between the ends of each spectrum's law.
        noise: Standard deviation of the labels' noise, in units of `‖θ_i‖/√d`.
    """
    root_key, parameter_key, draw_key = jax.random.split(key, 3)
    count = 1 if common else tasks
    roots = jax.vmap(lambda k: _root(k, dimension, spread))(
        jax.random.split(root_key, count)
    )
    theta = jax.random.normal(parameter_key, (tasks, dimension))
    if common:
        # Rows are drawn one by one, and their number is a shape.
        return _on_one_matrix(draw_key, roots[0], theta, noise, int(samples))
    return sample_statistics(draw_key, roots, theta, noise, jnp.asarray(samples, float))


def _root(key: PRNGKeyArray, d: int, spread: float) -> Float[Array, "d d"]:
    first, second = jax.random.split(key)
    rotation = jnp.linalg.qr(jax.random.normal(first, (d, d)))[0]
    exponent = jax.random.uniform(second, (d,), minval=-spread / 2, maxval=spread / 2)
    return rotation * 10**exponent


def _on_one_matrix(
    key: PRNGKeyArray,
    root: Float[Array, "d d"],
    theta: Float[Array, "k d"],
    noise: float,
    samples: int,
) -> TaskStatistics:
    """One `X` and independent noise for each task, drawn row by row."""
    first, second = jax.random.split(key)
    x = jax.random.normal(first, (samples, len(root))) @ root.T
    y = theta @ x.T + noise * jax.random.normal(second, (len(theta), samples))
    gram = jnp.broadcast_to(x.T @ x, (len(theta), *root.shape))
    return TaskStatistics(
        gram=gram,
        moment=y @ x,
        energy=jnp.sum(y**2, axis=1),
        samples=jnp.full(len(theta), float(samples)),
    )
