"""Soft parameter sharing: differences between tasks are penalised."""

from numpy.typing import ArrayLike

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory.penalised import ties


class SoftSharing(PenalisedSystem):
    """Every pair of tasks is tied, or those pairs that a graph has.

        ½ Σ_i α_i‖X_iw_i − y_i‖² + (λ/2) Σ_{i<j} A_ij‖w_i − w_j‖² + (ρ/2)‖W‖².

    Two tasks: soft sharing of `theory.risk`, with the same `λ`. Without a graph it is
    `MeanRegularised(kλ + ρ, ρ)`; as `λ` grows `Pooled`.

    Args:
        strength: `λ ≥ 0`, in units of `Σ_rows x²`.
        graph: `A` (k x k), symmetric; None ties all pairs with 1.
        ridge: `ρ ≥ 0`; scikit-learn's `Ridge(alpha)` with `λ = 0` has `ρ = alpha`.
        fit_intercept: Centre each task first.

    Source: Duong, Cohn, Bird and Cook 2015.
    """

    form = ties.SoftSharing
    about = About(
        objective="… + (λ/2) Σ_{i<j} A_ij‖w_i − w_j‖² + (ρ/2)‖W‖²",
        convex=True,
        certificate="residual of the linear system",
        reduces_to="λ = 0: ridge per task; λ → ∞: Pooled; no graph: MeanRegularised",
        use="it is known which tasks are alike",
        source="Duong et al. 2015",
    )

    def __init__(
        self,
        strength: float = 1.0,
        graph: ArrayLike | None = None,
        ridge: float = 0.0,
        *,
        fit_intercept: bool = False,
    ) -> None:
        self.strength = strength
        self.graph = graph
        self.ridge = ridge
        self.fit_intercept = fit_intercept
