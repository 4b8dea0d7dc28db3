"""Which tasks to train together: groups that serve each task best, found exactly."""

from theory.grouping.groups import best_groups
from theory.grouping.heuristics import forward_groups, merged_groups, spectral_groups
from theory.grouping.result import Groups, evaluate
from theory.grouping.scores import PairScores, TableScores

__all__ = [
    "Groups",
    "PairScores",
    "TableScores",
    "best_groups",
    "evaluate",
    "forward_groups",
    "merged_groups",
    "spectral_groups",
]
