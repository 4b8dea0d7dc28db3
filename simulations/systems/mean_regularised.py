"""Tasks that deviate from their mean."""

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory.penalised import ties


class MeanRegularised(PenalisedSystem):
    """Every task is tied to the mean of all tasks, and the mean to zero.

        ½ Σ_i α_i‖X_iw_i − y_i‖² + (δ/2) Σ_i‖w_i − w̄‖² + (μ/2) k‖w̄‖².

    `δ = μ` is ridge regression of every task, scikit-learn's `Ridge(alpha=δ)`; `μ = 0`
    is `SoftSharing(δ/k)`. Evgeniou and Pontil's form is in `theory.penalised.ties`.

    Args:
        deviation: `δ ≥ 0`, in units of `Σ_rows x²`.
        mean: `μ ≥ 0`, in the same.
        fit_intercept: Centre each task first.

    Source: Evgeniou and Pontil 2004.
    """

    form = ties.MeanRegularised
    about = About(
        objective="… + (δ/2) Σ‖w_i − w̄‖² + (μ/2) k‖w̄‖²",
        convex=True,
        certificate="residual of the linear system",
        reduces_to="μ = 0: SoftSharing(δ/k); μ = δ: ridge per task",
        use="parameters scatter around one centre",
        source="Evgeniou and Pontil 2004",
    )

    def __init__(
        self, deviation: float = 1.0, mean: float = 0.0, *, fit_intercept: bool = False
    ) -> None:
        self.deviation = deviation
        self.mean = mean
        self.fit_intercept = fit_intercept
