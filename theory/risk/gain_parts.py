"""The estimated gain of pooling and the size of its errors, from statistics."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.estimates import TaskEstimates
from theory.risk.gain_interval import GainParts
from theory.risk.target_frame import Pooling, TargetFrame
from theory.tasks import TaskStatistics


class Others(eqx.Module):
    """What the sources bring, with `α_i` put in.

    `Σ α_iS_i`, `Σ α_ig_i`, and of each source `S_i`, `α_i²σ_i²` and its freedom.
    """

    gram: Float[Array, "*n d d"]
    moment: Float[Array, "*n d"]
    grams: Float[Array, "*n s d d"]
    variances: Float[Array, "*n s"]
    freedoms: Float[Array, "*n s"]


def gain_parts(
    own: TaskStatistics,
    task: TaskEstimates,
    frame: TargetFrame,
    pool: Pooling,
    others: Others,
    new_rows: bool,
) -> GainParts:
    """Form the parts of `estimate_gain` for noise of one size in a task.

    Args:
        own: Statistics of the target.
        task: Its estimates.
        frame: Its coordinates.
        pool: The matrices of pooling in them.
        others: The sources.
        new_rows: As `estimate_gain`.
    """
    m, noise = own.samples, task.noise_variance
    moment = frame.seen.T @ own.moment
    theta = pool.alone @ moment
    moved = pool.pooled @ (pool.map.T @ others.moment - pool.others @ theta)
    weight = pool.own @ moved
    rho, spare = frame.rank / m, jnp.sum(pool.others * pool.pooled) / m
    share = rho - spare
    factor, alone, kappa = noise_factors(rho, spare, new_rows)
    square = factor**2
    # Noise of the move: that of every source, and the target's own.
    back = pool.pooled @ weight
    seen = pool.map @ back
    sources = others.variances * jnp.einsum("d,sde,e->s", seen, others.grams, seen)
    spread = pool.others @ pool.alone @ pool.others
    target = noise * (back @ spread @ back)
    total = jnp.sum(sources) + target
    noisy = jnp.einsum("s,sde->de", others.variances, others.grams)
    covariance = pool.map.T @ noisy @ pool.map + noise * spread
    trace = jnp.sum((pool.pooled @ pool.own @ pool.pooled) * covariance) / m
    freedoms = jnp.maximum(others.freedoms, 1)
    inverse = jnp.sum(sources**2 / freedoms) + target**2 / jnp.maximum(task.freedom, 1)
    some = inverse > 0
    freedom = jnp.where(some, total**2 / jnp.where(some, inverse, 1), jnp.inf)
    length = square * (moved @ weight) / m
    metric = metric_matrix(pool, noise, moved, square, m)
    gain = kappa * noise - length
    unit = noise * (1 + alone)
    relative = gain / jnp.where(unit > 0, unit, 1) * noise
    shared = metric - relative * jnp.diag(pool.mask) / m
    return GainParts(
        noise_part=kappa * noise,
        noise_size=kappa * noise,
        noise_freedom=task.freedom,
        free_size=jnp.zeros_like(noise),
        variance_freedom=task.freedom,
        length=length,
        length_trace=square * trace,
        # (F²)² uᵀCu over F²T is F² times the unit.
        length_square=square**2 * total / m**2,
        length_freedom=freedom,
        metric=new_rows * size_of(metric),
        shared_metric=new_rows * size_of(shared),
        metric_freedom=jnp.maximum(m * (1 - share), 1),
        alone=alone * noise,
        noise=noise,
    )


def noise_factors(
    rho: Array, spare: Array, new_rows: bool
) -> tuple[Array, Array, Array]:
    """`F`, the excess risk alone and `κ`, in units of `σ²`.

    In the form without cancellation: with `ρ − h = tr(RO)/m` in white coordinates,

        κ = (ρ − h) F (1/(1 − ρ) + F),   and 2(ρ − h) for the same rows.

    Args:
        rho: `ρ`.
        spare: `ρ − h`.
        new_rows: As `estimate_gain`.
    """
    if not new_rows:
        return jnp.ones(()), rho, 2 * spare
    factor = 1 / (1 - rho + spare)
    return factor, rho / (1 - rho), spare * factor * (1 / (1 - rho) + factor)


def metric_matrix(
    pool: Pooling, noise: Array, moved: Array, square: Array, samples: Array
) -> Float[Array, "d d"]:
    """`S M`, of which the gain is the trace and the metric's error a weighted sum."""
    inner = pool.others @ pool.pooled  # I − S_tR
    return (2 * noise * inner - square * jnp.outer(pool.own @ moved, moved)) / samples


def size_of(matrix: Array) -> Array:
    """`√tr(A²)`, whose derivative at 0 is 0."""
    square = jnp.sum(matrix * matrix.T)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
