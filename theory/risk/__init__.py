"""Expected and asymptotic risk of sharing, and where it starts or stops paying."""

from theory.risk.conditional import conditional_risk, mean_conditional_risk
from theory.risk.crossings import crossings
from theory.risk.phase_transition import PhaseTransition, phase_transition
from theory.risk.pooled import PooledRisk, pooled_risk
from theory.risk.scalar_heads import scalar_heads_risk
from theory.risk.weighted_pooling import mean_weighted_risk, weighted_risk

__all__ = [
    "PhaseTransition",
    "PooledRisk",
    "conditional_risk",
    "crossings",
    "mean_conditional_risk",
    "mean_weighted_risk",
    "phase_transition",
    "pooled_risk",
    "scalar_heads_risk",
    "weighted_risk",
]
