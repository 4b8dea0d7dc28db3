"""Least squares of one task, with the certificate of a quadratic."""

import jax.numpy as jnp

from theory.penalised.quadratic import quadratic_optimum
from theory.penalised.result import PenalisedOptimum
from theory.penalised.ties import MeanRegularised
from theory.tasks import TaskStatistics


def least_squares(task: TaskStatistics) -> PenalisedOptimum:
    """Return the least `½‖Xw − y‖²`, at the `w` of least norm.

    Args:
        task: Statistics with one task.

    Raises:
        ValueError: Bad statistics.
    """
    zero = jnp.zeros(())
    return quadratic_optimum(task, MeanRegularised(zero, zero))
