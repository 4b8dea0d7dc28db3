"""Expected transference on fresh batches of Gaussian rows."""

import jax.numpy as jnp
from jax.typing import ArrayLike as Number
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_integer
from theory.task_checks import check_covariance


def batch_decrease(
    covariance: ArrayLike,
    parameters: ArrayLike,
    noise_variance: ArrayLike,
    point: ArrayLike,
    *,
    rate: Number,
    batch: int,
) -> Float[Array, "k k"]:
    """Expected decrease of a target's loss by an SGD step on a batch of another task.

    Rows of task `i` are `x ~ N(0, Σ_i)`, `y = xᵀθ_i + ε`, `ε ~ N(0, σ_i²)`, and all
    tasks have the parameters `θ` (width 1, heads 1). The gradient `u_i` of the mean
    loss over `b` rows of task `i` has mean `u = 2Σ_iδ`, `δ = θ − θ_i`, and covariance

        C = (4/b) [(δᵀΣ_iδ + σ_i²)Σ_i + Σ_iδδᵀΣ_i].

    For `i ≠ j`, with `L_j` on other rows (of the population, or any independent of the
    batch),

        E D_{i→j} = η uᵀ2Σ_j(θ − θ_j) − η² [uᵀΣ_ju + tr(Σ_jC)].

    Noise lowers it by order `1/b`. On shared rows the covariance of the two gradients
    adds to the first order, which this leaves out; so the diagonal is NaN. jit- and
    vmap-compatible, and differentiable.

    Args:
        covariance: `Σ_i`.
        parameters: `θ_i`.
        noise_variance: `σ_i²`.
        point: `θ`.
        rate: `η`.
        batch: `b`.

    Returns:
        `E D_{i→j}`, [source, target], NaN on the diagonal.

    Raises:
        ValueError: Shapes do not fit, `batch` is below 1, or, unless traced, a value is
            not finite, a variance or the rate is below 0, or `Σ_i` is no covariance.

    Source: derived here, from the fourth moments of a Gaussian (Isserlis 1918).
    """
    own = check_array("parameters", parameters, "k d")
    k, d = own.shape
    shape = (k, d)
    sigma = check_covariance(check_array("covariance", covariance, "k d d", k=k), shape)
    noise = check_array("noise_variance", noise_variance, "k", "finite and >= 0", k=k)
    here = check_array("point", point, "d", d=d)
    step = check_array("rate", rate, "", "finite and >= 0")
    rows = check_integer("batch", batch)
    gap = here - own
    slopes = 2 * jnp.einsum("ide,ie->id", sigma, gap)
    spread = jnp.sum(gap * slopes, axis=1) / 2 + noise
    # C = (4/b) spread Σ_i + uuᵀ/b, so that uᵀΣ_ju + tr(Σ_jC) is a sum of two traces.
    curved = jnp.einsum("id,jde,ie->ij", slopes, sigma, slopes)
    traces = jnp.einsum("ide,jed->ij", sigma, sigma)
    second = (1 + 1 / rows) * curved + 4 / rows * spread[:, None] * traces
    decrease = step * slopes @ slopes.T - step**2 * second
    return jnp.where(jnp.eye(k, dtype=bool), jnp.nan, decrease)
