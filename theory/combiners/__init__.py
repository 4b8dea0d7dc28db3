"""Gradients of several tasks combined into one, as functions of the k x n Jacobian.

Rows are the tasks' gradients with respect to the shared parameters. A function whose
name ends in `weights` returns one weight a task, and the combined gradient is `weights
@ gradients`; the others return the combined gradient.
"""

from theory.combiners.balance import (
    aligned_mtl_weights,
    imtl_g_weights,
    nash_weights,
)
from theory.combiners.projections import GradVac, gradvac, pcgrad, upgrad
from theory.combiners.simplex import cagrad, min_norm_weights

__all__ = [
    "GradVac",
    "aligned_mtl_weights",
    "cagrad",
    "gradvac",
    "imtl_g_weights",
    "min_norm_weights",
    "nash_weights",
    "pcgrad",
    "upgrad",
]
