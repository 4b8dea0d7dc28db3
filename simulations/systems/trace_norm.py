"""Parameters of low rank, by the trace norm."""

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised


class TraceNorm(PenalisedSystem):
    """The parameters of all tasks lie near a space of few dimensions.

        ½ Σ_i α_i‖X_iw_i − y_i‖² + λ‖W‖_* + (ρ/2)‖W‖².

    MALSAR's `Least_Trace` has `ρ_1 = λ`, as its loss is `½‖X_iw_i − y_i‖²`. One task
    has `λ‖w‖`.

    Args:
        strength: `λ ≥ 0`, in units of `Σ_rows x y`.
        ridge: `ρ ≥ 0`.
        fit_intercept: Centre each task first.

    Source: Pong, Tseng, Ji and Ye 2010; arXiv 1606.04038.
    """

    form = penalised.TraceNorm
    about = About(
        objective="… + λ‖W‖_* + (ρ/2)‖W‖²",
        convex=True,
        certificate="scaled residual as dual point",
        reduces_to="convex stand-in for HardSharing",
        use="parameters lie in a space of few dimensions, of unknown number",
        source="Pong et al. 2010",
    )

    def __init__(
        self, strength: float = 1.0, ridge: float = 0.0, *, fit_intercept: bool = False
    ) -> None:
        self.strength = strength
        self.ridge = ridge
        self.fit_intercept = fit_intercept
