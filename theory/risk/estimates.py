"""What labels say of noise and parameters, without bias, given the rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.arguments import is_traced
from theory.risk.target_frame import (
    column_sizes,
    generalised_inverse,
    target_frame,
)
from theory.task_checks import check_statistics, check_tasks
from theory.tasks import Tasks, TaskStatistics

# With fewer spare rows the interval of a variance spans orders of magnitude.
LEAST_FREEDOM = 2
# `e − gᵀG⁻g` is a difference of sums that are rounded by some `ε` of `e` a direction.
# Below 256 of these it is taken for rounding, and above it has two digits.
CANCELLED = 256
# A residual of a row is rounded by an `ε` of `|y| + Σ|x_jb_j|` a direction.
ROUNDED = 8


class TaskEstimates(eqx.Module):
    """Least squares of every task alone, and the noise that it leaves.

    `inverse` is a symmetric generalised inverse of `G_i` and `parameters` the solution
    `G_i⁻g_i`. Directions that no row of the task sees have none of either; all
    quantities here are taken in directions that the target's rows do see.
    `noise_variance` is `σ̂_i² = (e_i − g_iᵀG_i⁻g_i)/ν_i`, infinite where
    `freedom`, `ν_i = m_i − rank G_i`, is 0, and 0 where the residuals are no larger
    than rounding: such labels have no noise that can be measured. Squared units of the
    label.
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


def task_estimates(
    statistics: TaskStatistics, rows: Tasks | None = None
) -> TaskEstimates:
    """Estimate every task's parameters and noise from its own rows.

    For `y_i = X_ib_i + ε_i` with `ε_i` of mean 0 and covariance `σ_i²I`, given `X_i`,
    `G_i⁻g_i` is unbiased in the directions of the rows, and
    `E σ̂_i² = σ_i²`, since `tr(I − X_iG_i⁻X_iᵀ) = m_i − rank`. With Gaussian noise
    `ν_iσ̂_i²/σ_i²` is chi-square with `ν_i` degrees of freedom, independent of `g_i`.

    Centred rows count as one fewer: rotating the rows takes `1/√m Σ_j` apart from the
    other `m_i − 1`, whose noise is `N(0, σ_i²I)` again. So give centred statistics
    `samples = m_i − 1`; each task then has an intercept of its own.

    From statistics, noise below some `10⁻⁷` of the labels is lost in rounding. Give the
    `rows` to have it from residuals, which lose nothing.

    jit-, vmap- and grad-compatible where the ranks do not change: the derivative of
    `G⁻` is `−G⁻ dG G⁻`, so that by `G` of `σ̂²` is `G⁻gg'G⁻/ν`, where eigenvalues meet
    as elsewhere.

    Args:
        statistics: The tasks.
        rows: The rows of these statistics, centred if they are.

    Raises:
        ValueError: Shapes do not fit, or a value is not finite.

    Source: derived here; standard results on least squares.
    """
    check_statistics(statistics, certificate=False)
    if rows is not None:
        check_rows(statistics, rows)
    return _estimates(statistics, rows)


def check_rows(statistics: TaskStatistics, rows: Tasks) -> None:
    """Refuse rows that do not have the shape of the statistics.

    Raises:
        ValueError: Another number of tasks or inputs, or as `check_tasks`.
    """
    check_tasks(rows, statistics.dimension)
    if len(rows.labels) != statistics.count:
        raise ValueError(
            f"rows has {len(rows.labels)} tasks and statistics has {statistics.count}: "
            "give the rows that the statistics were made of"
        )


def estimable_tasks(
    statistics: TaskStatistics, tasks: TaskEstimates | None = None
) -> TaskEstimates:
    """Return the estimates, made if not at hand, if every task has rows to spare.

    Raises:
        ValueError: As `task_estimates`; also a task with fewer than `rank + 2` rows.
    """
    tasks = task_estimates(statistics) if tasks is None else tasks
    if is_traced(tasks.freedom):
        return tasks
    for index, freedom in enumerate(np.asarray(tasks.freedom)):
        if freedom < LEAST_FREEDOM:
            rank = int(tasks.rank[index])
            raise ValueError(
                f"task {index} has {rank + int(freedom)} rows for {rank} directions: "
                f"its noise and parameters need at least {LEAST_FREEDOM} rows more "
                "than directions; leave the task out, or drop columns"
            )
    return tasks


@jax.jit
def _estimates(statistics: TaskStatistics, rows: Tasks | None) -> TaskEstimates:
    sizes = column_sizes(statistics.gram, statistics.samples)

    def one(task: TaskStatistics, own: Tasks | None) -> TaskEstimates:
        frame = target_frame(task.gram, task.samples, sizes)
        inverse = generalised_inverse(task.gram, frame.seen, frame.mask)
        parameter = inverse @ task.moment
        # A step of refinement, as in theory.linear.single_task.
        parameter += inverse @ (task.moment - task.gram @ parameter)
        if own is None:
            residual = task.energy - parameter @ task.moment
            least = CANCELLED * task.gram.shape[0] * _eps(residual) * task.energy
        else:
            residual, least = _from_rows(own, parameter)
        freedom = task.samples - frame.rank
        some = freedom > 0
        noise = jnp.where(residual > least, residual, 0) / jnp.where(some, freedom, 1)
        return TaskEstimates(
            parameter, inverse, frame.rank, freedom, jnp.where(some, noise, jnp.inf)
        )

    return jax.lax.map(lambda task: one(*task), (statistics, rows))


def _from_rows(rows: Tasks, parameter: Array) -> tuple[Array, Array]:
    """The sum of squared residuals of one task, and what rounding makes of it."""
    fit = rows.covariates @ parameter
    size = jnp.abs(rows.labels) + jnp.abs(rows.covariates) @ jnp.abs(parameter)
    rounding = ROUNDED * len(parameter) * _eps(fit) * size
    return jnp.sum((rows.labels - fit) ** 2), jnp.sum(rounding**2)


def _eps(like: Array) -> float:
    return float(jnp.finfo(like.dtype).eps)
