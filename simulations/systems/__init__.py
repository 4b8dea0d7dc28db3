"""Multi-task systems as scikit-learn estimators, one per file."""

from simulations.systems.block_sparse import BlockSparse
from simulations.systems.choose import Choice, choose
from simulations.systems.clustered import Clustered
from simulations.systems.dirty import Dirty
from simulations.systems.feature_learning import FeatureLearning
from simulations.systems.hard_sharing import HardSharing
from simulations.systems.independent import Independent
from simulations.systems.known_clusters import KnownClusters
from simulations.systems.mean_regularised import MeanRegularised
from simulations.systems.pooled import Pooled
from simulations.systems.registry import registered
from simulations.systems.soft_sharing import SoftSharing
from simulations.systems.system import System
from simulations.systems.task_column import TaskColumn
from simulations.systems.task_relations import TaskRelations
from simulations.systems.tensor_trace_norm import TensorTraceNorm
from simulations.systems.trace_norm import TraceNorm

__all__ = [
    "BlockSparse",
    "Choice",
    "Clustered",
    "Dirty",
    "FeatureLearning",
    "HardSharing",
    "Independent",
    "KnownClusters",
    "MeanRegularised",
    "Pooled",
    "SoftSharing",
    "System",
    "TaskColumn",
    "TaskRelations",
    "TensorTraceNorm",
    "TraceNorm",
    "choose",
    "registered",
]
