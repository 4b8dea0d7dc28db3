"""Optima of the linear shared-module model, one route a file."""

from theory.linear.common_covariance import common_covariance_optimum
from theory.linear.loss import best_heads, loss, task_losses
from theory.linear.multi_start import multi_start_optimum
from theory.linear.one_less import one_less_optimum
from theory.linear.optimum import shared_optimum, wide_optimum
from theory.linear.result import SharedOptimum
from theory.linear.single_task import single_task_optimum, task_ranks
from theory.linear.skew_dual import SkewDual, skew_dual
from theory.linear.two_tasks import two_task_optimum

__all__ = [
    "SharedOptimum",
    "SkewDual",
    "best_heads",
    "common_covariance_optimum",
    "loss",
    "multi_start_optimum",
    "one_less_optimum",
    "shared_optimum",
    "single_task_optimum",
    "skew_dual",
    "task_losses",
    "task_ranks",
    "two_task_optimum",
    "wide_optimum",
]
