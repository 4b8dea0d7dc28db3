"""Features that all tasks share are learnt."""

from jaxtyping import Array, Float

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised
from theory.penalised.relations import trace_relation


class FeatureLearning(PenalisedSystem):
    """A metric of the inputs is learnt that serves all tasks.

        ½ Σ_i α_i‖X_iw_i − y_i‖² + (λ/2)‖W‖_*²,

    the least over `D ⪰ 0`, `tr D = 1` of `(λ/2) tr(WᵀD⁻¹W)`. `relation_` is the tasks'
    `Ω`, with the same `W` (`TaskRelations(λ)`); `D` is `(WWᵀ)^½` over its trace.
    Argyriou et al. do not halve the loss and the penalty: `γ = λ`.

    Args:
        strength: `λ ≥ 0`, in units of `Σ_rows x²`.
        fit_intercept: Centre each task first.

    Source: Argyriou, Evgeniou and Pontil 2008.
    """

    form = penalised.SquaredTraceNorm
    about = About(
        objective="… + (λ/2)‖W‖_*²",
        convex=True,
        certificate="scaled residual as dual point",
        reduces_to="TaskRelations(λ, 0)",
        use="tasks depend on few combinations of inputs",
        source="Argyriou et al. 2008",
    )

    def __init__(self, strength: float = 1.0, *, fit_intercept: bool = False) -> None:
        self.strength = strength
        self.fit_intercept = fit_intercept

    def relation(self, parameters: Float[Array, "k d"]) -> Float[Array, "k k"]:
        """Return `(WᵀW)^½` over its trace."""
        return trace_relation(parameters)
