"""Tasks on a grid, by trace norms of unfoldings."""

from collections.abc import Sequence

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised


class TensorTraceNorm(PenalisedSystem):
    """Tasks are cells of a grid, and the tensor of parameters has low ranks.

        … + Σ_n λ_n‖W_(n)‖_* + (ρ/2)‖W‖²   of the tensor d x k_1 x k_2.

    Task `i·k_2 + j` is cell `(i, j)`. `λ_1` alone is `TraceNorm(λ_1)`.

    Args:
        strengths: `λ_1, λ_2, λ_3 ≥ 0`, in units of `Σ_rows x y`: of inputs and of both
            axes of the grid.
        grid: `(k_1, k_2)`, `k_1k_2 = k`.
        ridge: `ρ ≥ 0`.
        fit_intercept: Centre each task first.

    Source: arXiv 1606.04038.
    """

    form = penalised.TensorTraceNorm
    about = About(
        objective="… + Σ_n λ_n‖W_(n)‖_*, W is d × k₁ × k₂",
        convex=True,
        certificate="scaled residual, split over the modes",
        reduces_to="one λ_n: TraceNorm of that unfolding",
        use="tasks are combinations of two factors",
        source="Yang and Hospedales 2017",
    )

    def __init__(
        self,
        strengths: Sequence[float],
        grid: tuple[int, int],
        ridge: float = 0.0,
        *,
        fit_intercept: bool = False,
    ) -> None:
        self.strengths = strengths
        self.grid = grid
        self.ridge = ridge
        self.fit_intercept = fit_intercept
