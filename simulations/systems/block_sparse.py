"""Inputs that are used by few tasks or by all of them."""

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised


class BlockSparse(PenalisedSystem):
    """The tasks use few inputs, the same ones: a block norm of every input's row.

        ½ Σ_i α_i‖X_iw_i − y_i‖² + λ Σ_j‖W^j‖_q + (ρ/2)‖W‖².

    Scikit-learn's `Lasso` (q = 1) and `MultiTaskLasso` (q = 2, common `X`) divide the
    loss by `m`: `λ = m · alpha`. MALSAR's `Least_L21` (q = 2) has the same `ρ_1 = λ` if
    its loss is `½‖X_iw_i − y_i‖²`, as it is. Where `m_i < d` or `q = ∞` parameters need
    not be unique.

    Args:
        strength: `λ ≥ 0`, in units of `Σ_rows x y`.
        power: `q`: 1, 2 or `numpy.inf`.
        ridge: `ρ ≥ 0`.
        fit_intercept: Centre each task first.

    Source: Obozinski, Taskar and Jordan 2010; Negahban and Wainwright 2011.
    """

    form = penalised.BlockSparse
    about = About(
        objective="… + λ Σ_j‖W^j‖_q + (ρ/2)‖W‖²",
        convex=True,
        certificate="scaled residual as dual point",
        reduces_to="q = 1: the lasso of every task",
        use="all tasks depend on the same few inputs",
        source="Obozinski et al. 2010",
    )

    def __init__(
        self,
        strength: float = 1.0,
        power: float = 2,
        ridge: float = 0.0,
        *,
        fit_intercept: bool = False,
    ) -> None:
        self.strength = strength
        self.power = power
        self.ridge = ridge
        self.fit_intercept = fit_intercept
