"""Inputs of all tasks, and inputs of single ones."""

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised


class Dirty(PenalisedSystem):
    """Parameters are a row-sparse part and a sparse part.

        … + min_{P+S=W} λ_B Σ_j‖P^j‖_∞ + λ_S‖S‖_1 + (ρ/2)‖W‖².

    `λ_S ≥ λ_B` is `BlockSparse(λ_B, numpy.inf)`, `kλ_S ≤ λ_B` is `BlockSparse(λ_S, 1)`,
    scikit-learn's `Lasso` with `λ_S = m · alpha`. MALSAR's `Least_Dirty` has
    `ρ_1 = λ_B` and `ρ_2 = λ_S`. The parts, and for few rows `W` too, need not be
    unique.

    Args:
        block: `λ_B ≥ 0`, in units of `Σ_rows x y`.
        own: `λ_S ≥ 0`, in the same.
        ridge: `ρ ≥ 0`, of the sum of both parts.
        fit_intercept: Centre each task first.

    Source: Jalali, Ravikumar, Sanghavi and Ruan 2010.
    """

    form = penalised.Dirty
    about = About(
        objective="… + min_{P+S=W} λ_B Σ_j‖P^j‖_∞ + λ_S‖S‖_1",
        convex=True,
        certificate="scaled residual as dual point",
        reduces_to="λ_S ≥ λ_B: BlockSparse, q = ∞; kλ_S ≤ λ_B: q = 1",
        use="tasks share some inputs and have others of their own",
        source="Jalali et al. 2010",
    )

    def __init__(
        self,
        block: float = 1.0,
        own: float = 1.0,
        ridge: float = 0.0,
        *,
        fit_intercept: bool = False,
    ) -> None:
        self.block = block
        self.own = own
        self.ridge = ridge
        self.fit_intercept = fit_intercept
