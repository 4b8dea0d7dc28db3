"""Multi-task systems as scikit-learn estimators, one per file."""

from simulations.systems.choose import Choice, choose
from simulations.systems.hard_sharing import HardSharing
from simulations.systems.independent import Independent
from simulations.systems.known_clusters import KnownClusters
from simulations.systems.mean_regularised import MeanRegularised
from simulations.systems.pooled import Pooled
from simulations.systems.registry import registered
from simulations.systems.soft_sharing import SoftSharing
from simulations.systems.system import System
from simulations.systems.task_column import TaskColumn

__all__ = [
    "Choice",
    "HardSharing",
    "Independent",
    "KnownClusters",
    "MeanRegularised",
    "Pooled",
    "SoftSharing",
    "System",
    "TaskColumn",
    "choose",
    "registered",
]
