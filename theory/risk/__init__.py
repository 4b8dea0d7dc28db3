"""Expected and asymptotic risk of sharing, and where it starts or stops paying."""

from theory.risk.best_weights import (
    BestWeights,
    best_weights,
    best_weights_given_parameters,
)
from theory.risk.common_design import common_design_risk
from theory.risk.crossings import crossings
from theory.risk.estimates import TaskEstimates, task_estimates
from theory.risk.gain_estimate import estimate_gain, pairwise_gains
from theory.risk.gain_result import GainEstimate
from theory.risk.phase_transition import PhaseTransition, phase_transition
from theory.risk.pooled import PooledRisk, pooled_risk
from theory.risk.scalar_heads import (
    BestHeadRatio,
    best_head_ratio,
    scalar_heads_risk,
)
from theory.risk.soft_sharing import (
    best_penalty,
    mean_soft_sharing_risk,
    soft_sharing_limit,
    soft_sharing_risk,
)
from theory.risk.source_weights import SourceWeights, source_weights
from theory.risk.weighted_limit import weighted_limit_risk
from theory.risk.weighted_pooling import (
    conditional_risk,
    mean_conditional_risk,
    mean_weighted_risk,
    weighted_risk,
)

__all__ = [
    "BestHeadRatio",
    "BestWeights",
    "GainEstimate",
    "PhaseTransition",
    "PooledRisk",
    "SourceWeights",
    "TaskEstimates",
    "best_head_ratio",
    "best_penalty",
    "best_weights",
    "best_weights_given_parameters",
    "common_design_risk",
    "conditional_risk",
    "crossings",
    "estimate_gain",
    "mean_conditional_risk",
    "mean_soft_sharing_risk",
    "mean_weighted_risk",
    "pairwise_gains",
    "phase_transition",
    "pooled_risk",
    "scalar_heads_risk",
    "soft_sharing_limit",
    "soft_sharing_risk",
    "source_weights",
    "task_estimates",
    "weighted_limit_risk",
    "weighted_risk",
]
