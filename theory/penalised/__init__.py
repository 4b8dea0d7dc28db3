"""Convex penalties that tie tasks, and their optima with certificates."""

from theory.penalised.block_sparse import BlockSparse
from theory.penalised.clustered import ClusteredPenalty
from theory.penalised.dirty import Dirty
from theory.penalised.optimum import penalised_optimum
from theory.penalised.path import largest_strength, path
from theory.penalised.penalty import Penalty
from theory.penalised.result import PenalisedOptimum
from theory.penalised.squared_trace_norm import SquaredTraceNorm
from theory.penalised.tensor_trace_norm import TensorTraceNorm
from theory.penalised.trace_norm import TraceNorm

__all__ = [
    "BlockSparse",
    "ClusteredPenalty",
    "Dirty",
    "PenalisedOptimum",
    "Penalty",
    "SquaredTraceNorm",
    "TensorTraceNorm",
    "TraceNorm",
    "largest_strength",
    "path",
    "penalised_optimum",
]
