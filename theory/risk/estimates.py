"""What labels say of noise, parameters and shifts, without bias, given the rows."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.linear.single_task import equilibrated_spectrum
from theory.rows import task_label
from theory.task_checks import check_statistics, is_traced
from theory.tasks import TaskStatistics

# With fewer spare rows the interval of a variance spans orders of magnitude.
LEAST_FREEDOM = 2


class TaskEstimates(eqx.Module):
    """Least squares of every task alone, and the noise that it leaves.

    `inverse` is a symmetric generalised inverse of `G_i` and `parameters` the solution
    `G_i⁻g_i`. Directions that no row of the task sees have none of either; all
    quantities here are taken in directions that the target's rows do see.
    `noise_variance` is `σ̂_i² = (e_i − g_iᵀG_i⁻g_i)/ν_i`, infinite where
    `freedom`, `ν_i = m_i − rank G_i`, is 0. Squared units of the label.
    """

    parameters: Float[Array, "*k d"]
    inverse: Float[Array, "*k d d"]
    rank: Float[Array, "*k"]
    freedom: Float[Array, "*k"]
    noise_variance: Float[Array, "*k"]

    @property
    def estimable(self) -> Bool[Array, "*k"]:
        """Tasks with at least two rows more than their rank."""
        return self.freedom >= LEAST_FREEDOM


def task_estimates(statistics: TaskStatistics) -> TaskEstimates:
    """Estimate every task's parameters and noise from its own rows.

    For `y_i = X_ib_i + ε_i` with `ε_i` of mean 0 and covariance `σ_i²I`, given `X_i`,
    `G_i⁻g_i` is unbiased in the directions of the rows, and
    `E σ̂_i² = σ_i²`, since `tr(I − X_iG_i⁻X_iᵀ) = m_i − rank`. With Gaussian noise
    `ν_iσ̂_i²/σ_i²` is chi-square with `ν_i` degrees of freedom, independent of `g_i`.

    Centred rows count as one fewer: rotating the rows takes `1/√m Σ_j` apart from the
    other `m_i − 1`, whose noise is `N(0, σ_i²I)` again. So give centred statistics
    `samples = m_i − 1`; each task then has an intercept of its own.

    jit-, vmap- and grad-compatible where the ranks do not change.

    Raises:
        ValueError: Shapes do not fit, or a value is not finite.

    Source: derived here; standard results on least squares.
    """
    check_statistics(statistics, certificate=False)
    return _estimates(statistics)


def shift_estimates(
    statistics: TaskStatistics, tasks: TaskEstimates | None = None
) -> Float[Array, "k k"]:
    """Squared shift between tasks, measured in the target's rows, without bias.

    Entry `(i, t)` estimates `‖S^½(b_i − b_t)‖²`, `S = G_t/m_t`. Given all rows,
    `E (b̂_i−b̂_t)(b̂_i−b̂_t)ᵀ = (b_i−b_t)(b_i−b_t)ᵀ + σ_i²G_i⁻ + σ_t²G_t⁻`, so

        (b̂_i−b̂_t)ᵀS(b̂_i−b̂_t) − σ̂_i² tr(SG_i⁻) − σ̂_t² tr(SG_t⁻)

    is unbiased if the noise of the two is independent. It may be negative: a shift
    below its error. It is infinite where task `i` has no rows in a direction that the
    target's rows have, for there its parameter could be anything.

    Args:
        statistics: The tasks.
        tasks: Their `task_estimates`, if at hand.

    Raises:
        ValueError: As `task_estimates`; also a task with too few rows.

    Source: derived here.
    """
    tasks = task_estimates(statistics) if tasks is None else tasks
    require_estimable(tasks)
    return _shifts(statistics, tasks)


def require_estimable(
    tasks: TaskEstimates, names: Sequence[str] | None = None
) -> TaskEstimates:
    """Return the estimates if every task has rows to spare.

    Raises:
        ValueError: A task has fewer than `rank + 2` rows, or labels without noise.
    """
    if is_traced(tasks.freedom):
        return tasks
    for index, freedom in enumerate(np.asarray(tasks.freedom)):
        if freedom < LEAST_FREEDOM:
            rank = int(tasks.rank[index])
            raise ValueError(
                f"{task_label(index, names)} has {rank + int(freedom)} rows for "
                f"{rank} directions: its noise and parameters need at least "
                f"{LEAST_FREEDOM} rows more than directions; leave the task out, or "
                "drop columns"
            )
    return tasks


@jax.jit
def _estimates(statistics: TaskStatistics) -> TaskEstimates:
    def one(task: TaskStatistics) -> TaskEstimates:
        inverse, rank = general_inverse(task.gram)
        parameter = inverse @ task.moment
        # A step of refinement, as in theory.linear.single_task.
        parameter += inverse @ (task.moment - task.gram @ parameter)
        residual = task.energy - parameter @ task.moment
        freedom = task.samples - rank
        some = freedom > 0
        noise = jnp.maximum(residual, 0) / jnp.where(some, freedom, 1)
        return TaskEstimates(
            parameter, inverse, rank, freedom, jnp.where(some, noise, jnp.inf)
        )

    return jax.lax.map(one, statistics)


@jax.jit
def _shifts(statistics: TaskStatistics, tasks: TaskEstimates) -> Float[Array, "k k"]:
    metric = statistics.gram / statistics.samples[:, None, None]
    apart = tasks.parameters[:, None] - tasks.parameters
    square = jnp.einsum("itd,tde,ite->it", apart, metric, apart)
    spread = jnp.einsum("tde,ide->it", metric, tasks.inverse)
    noise = tasks.noise_variance
    own = noise * tasks.rank / statistics.samples
    found = square - noise[:, None] * spread - own
    # G_tG_i⁻G_i = G_t if and only if task i sees all that the target does.
    kept = jnp.einsum("tde,ief,ifd->it", metric, tasks.inverse, statistics.gram)
    trace = jnp.trace(metric, axis1=1, axis2=2)
    seen = jnp.abs(kept - trace) <= 1e-8 * trace
    found = jnp.where(seen, found, jnp.inf)
    return jnp.where(jnp.eye(len(noise), dtype=bool), 0, found)


def general_inverse(
    gram: Float[Array, "d d"],
) -> tuple[Float[Array, "d d"], Float[Array, ""]]:
    """A symmetric generalised inverse `D(DGD)⁺D`, and the rank of `G`.

    `D` scales columns to unit norm, so that their units do not decide the rank.
    """
    spectrum = equilibrated_spectrum(gram)
    seen, scale = spectrum.seen, spectrum.scale
    reciprocal = jnp.where(seen, 1 / jnp.where(seen, spectrum.value, 1), 0)
    scaled = (spectrum.vector * reciprocal) @ spectrum.vector.T
    return scaled * scale[:, None] * scale, jnp.sum(seen).astype(gram.dtype)
