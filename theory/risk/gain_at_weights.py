"""The estimated gain at given weights, whose arguments are known to be good."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.estimates import TaskEstimates
from theory.risk.gain_parts import Others, gain_parts
from theory.risk.gain_result import (
    DEPENDENT,
    FEW_ROWS,
    LEAST_INTERVAL,
    NO_NOISE,
    GainEstimate,
    found_gain,
)
from theory.risk.row_parts import row_parts
from theory.risk.row_scores import RowScores
from theory.risk.target_frame import (
    Pooling,
    TargetFrame,
    column_sizes,
    pooling,
    target_frame,
)
from theory.tasks import TaskStatistics


@partial(jax.jit, static_argnames="new_rows")
def gain_from_ratios(
    statistics: TaskStatistics,
    tasks: TaskEstimates,
    ratio: Float[Array, " k"],
    target: Array | int,
    score: Float[Array, ""],
    *,
    new_rows: bool = True,
    optimism: Array | float = 0.0,
) -> GainEstimate:
    """`estimate_gain` with `α_i/α_t`; nothing is checked, the target may be traced.

    Args:
        statistics: The tasks.
        tasks: Their estimates.
        ratio: `α_i/α_t ≥ 0`; the entry of the target counts for nothing.
        target: Index `t`.
        score: Of each side of the interval.
        new_rows: As `estimate_gain`.
        optimism: Taken off the estimate and its lower bounds.
    """
    ratio = ratio.at[target].set(0)
    others = Others(
        jnp.einsum("k,kde->de", ratio, statistics.gram),
        ratio @ statistics.moment,
        statistics.gram,
        ratio**2 * tasks.noise_variance,
        tasks.freedom,
    )
    own, task = jax.tree.map(lambda leaf: leaf[target], (statistics, tasks))
    sizes = column_sizes(statistics.gram, statistics.samples)
    frame = target_frame(own.gram, own.samples, sizes)
    return _gain(own, task, frame, others, score, new_rows, optimism)


@partial(jax.jit, static_argnames="new_rows")
def gain_from_rows(
    statistics: TaskStatistics,
    tasks: TaskEstimates,
    scores: RowScores,
    ratio: Float[Array, " k"],
    target: Array | int,
    score: Float[Array, ""],
    *,
    new_rows: bool,
) -> GainEstimate:
    """`estimate_gain` for noise of unequal size that may depend within groups.

    Args:
        statistics: The tasks.
        tasks: Their estimates.
        scores: Of their rows.
        ratio: `α_i/α_t ≥ 0`; the entry of the target counts for nothing.
        target: Index `t`.
        score: Of each side of the interval.
        new_rows: As `estimate_gain`.
    """
    own, task = jax.tree.map(lambda leaf: leaf[target], (statistics, tasks))
    sizes = column_sizes(statistics.gram, statistics.samples)
    frame = target_frame(own.gram, own.samples, sizes)
    ratio = ratio.at[target].set(0)
    pool = pooling(frame, own.gram, jnp.einsum("k,kde->de", ratio, statistics.gram))
    parts = row_parts(statistics, scores, ratio, target, frame, pool, new_rows)
    used = (ratio > 0).at[target].set(True)
    spare = jnp.minimum(tasks.freedom, scores.count - tasks.rank)
    few = jnp.any(used & (spare < LEAST_INTERVAL))
    code = jnp.where(pool.doubtful, DEPENDENT, 0)
    code = jnp.where(few, FEW_ROWS, code)
    return found_gain(parts, jnp.where(task.noise_variance <= 0, NO_NOISE, code), score)


@partial(jax.jit, static_argnames="new_rows")
def gains_of_pairs(
    statistics: TaskStatistics,
    tasks: TaskEstimates,
    ratio: Array,
    score: Array,
    *,
    new_rows: bool,
) -> GainEstimate:
    """`estimate_gain` of every pair, source by target; nothing is checked.

    Args:
        statistics: The tasks.
        tasks: Their estimates.
        ratio: `α_i/α_t`, one number.
        score: Of each side of the interval.
        new_rows: As `estimate_gain`.
    """
    k = statistics.count
    others = Others(
        ratio * statistics.gram,
        ratio * statistics.moment,
        statistics.gram[:, None],
        ratio**2 * tasks.noise_variance[:, None],
        tasks.freedom[:, None],
    )
    sizes = column_sizes(statistics.gram, statistics.samples)

    def of_target(own: tuple[TaskStatistics, TaskEstimates]) -> GainEstimate:
        frame = target_frame(own[0].gram, own[0].samples, sizes)
        return jax.vmap(lambda one: _gain(*own, frame, one, score, new_rows))(others)

    found = jax.lax.map(of_target, (statistics, tasks))
    same = jnp.eye(k, dtype=bool)
    kept = {"alone", "noise"}
    return GainEstimate(
        **{
            name: leaf.T if name in kept else jnp.where(same, 0, leaf.T)
            for name, leaf in vars(found).items()
        }
    )


def _gain(
    own: TaskStatistics,
    task: TaskEstimates,
    frame: TargetFrame,
    others: Others,
    score: Array,
    new_rows: bool,
    optimism: Array | float = 0.0,
) -> GainEstimate:
    """The estimate with the target's weight at 1."""
    pool = pooling(frame, own.gram, others.gram)
    parts = gain_parts(own, task, frame, pool, others, new_rows)
    code = _withheld(task, pool, others)
    return found_gain(parts, code, score, optimism)


def _withheld(task: TaskEstimates, pool: Pooling, others: Others) -> Array:
    """The first reason to withhold an interval, 0 for none."""
    few = jnp.any((others.variances > 0) & (others.freedoms < LEAST_INTERVAL))
    few |= task.freedom < LEAST_INTERVAL
    code = jnp.where(pool.doubtful, DEPENDENT, 0)
    code = jnp.where(few, FEW_ROWS, code)
    return jnp.where(task.noise_variance <= 0, NO_NOISE, code)
