"""A relation of the tasks is learnt."""

from jaxtyping import Array, Float

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised
from theory.penalised.relations import trace_relation


class TaskRelations(PenalisedSystem):
    """The covariance of the tasks' parameters is learnt with them.

        ½ Σ_i α_i‖X_iw_i − y_i‖² + (λ/2) min_Ω tr(WΩ⁻¹Wᵀ) + (λ_1/2)‖W‖²

    over `Ω ⪰ 0`, `tr Ω = 1`. `relation_` is `Ω = (WᵀW)^½` over its trace. `λ = 0` is
    scikit-learn's `Ridge(alpha=λ_1)` per task.
    Zhang and Yeung's loss is `Σ (1/m_i)‖X_iw_i − y_i‖²`, without the ½: weights
    `α_i = 2/m_i` and the same `λ`.

    Args:
        strength: `λ ≥ 0`, in units of `Σ_rows x²`.
        ridge: `λ_1 ≥ 0`, in the same.
        fit_intercept: Centre each task first.

    Source: Zhang and Yeung 2010.
    """

    form = penalised.SquaredTraceNorm
    about = About(
        objective="… + (λ/2) min_Ω tr(WΩ⁻¹Wᵀ) + (λ_1/2)‖W‖²",
        convex=True,
        certificate="scaled residual as dual point",
        reduces_to="λ_1 = 0: FeatureLearning; λ = 0: ridge per task",
        use="tasks are related, some inversely, and one wants to see how",
        source="Zhang and Yeung 2010",
    )

    def __init__(
        self, strength: float = 1.0, ridge: float = 0.0, *, fit_intercept: bool = False
    ) -> None:
        self.strength = strength
        self.ridge = ridge
        self.fit_intercept = fit_intercept

    def relation(self, parameters: Float[Array, "k d"]) -> Float[Array, "k k"]:
        """Return `(WᵀW)^½` over its trace."""
        return trace_relation(parameters)
