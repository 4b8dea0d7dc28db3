"""Tasks in clusters that are learnt."""

from jaxtyping import Array, Float

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory import penalised
from theory.penalised.relations import clustered_relation


class Clustered(PenalisedSystem):
    """The tasks are in `r` clusters; which ones is relaxed.

        … + ½ε_M k‖w̄‖² + ½ min_Σ tr(WΠΣ⁻¹ΠWᵀ),   aI ⪯ Σ ⪯ bI, tr Σ = (k−r+1)a + (r−1)b,

    `a = 1/ε_W`, `b = 1/ε_B`. The objective is at most that of `KnownClusters` with
    `r` clusters. One cluster is `MeanRegularised(ε_W, ε_M)`, and `r = k` is
    `MeanRegularised(ε_B, ε_M)`. `relation_` is `Σ`. MALSAR's `Least_CMTL` has another
    parametrisation, `ρ_1η(1 + η) tr W(ηI + M)⁻¹Wᵀ`, and no term of the mean.

    Args:
        clusters: `r`, 1 to `k`.
        mean: `ε_M > 0`, in units of `Σ_rows x²`.
        between: `ε_B > 0`.
        within: `ε_W ≥ ε_B`.
        fit_intercept: Centre each task first.

    Source: Jacob, Bach and Vert 2008.
    """

    form = penalised.ClusteredPenalty
    about = About(
        objective="… + ½ε_M k‖w̄‖² + ½ min_Σ tr(WΠΣ⁻¹ΠWᵀ)",
        convex=True,
        certificate="scaled residual as dual point",
        reduces_to="r = 1: MeanRegularised(ε_W, ε_M); r = k: MeanRegularised(ε_B, ε_M)",
        use="tasks form groups that are not known",
        source="Jacob et al. 2008",
    )

    def __init__(
        self,
        clusters: int = 2,
        mean: float = 1.0,
        between: float = 1.0,
        within: float = 1.0,
        *,
        fit_intercept: bool = False,
    ) -> None:
        self.clusters = clusters
        self.mean = mean
        self.between = between
        self.within = within
        self.fit_intercept = fit_intercept

    def relation(self, parameters: Float[Array, "k d"]) -> Float[Array, "k k"]:
        """Return `Σ`."""
        return clustered_relation(
            penalised.ClusteredPenalty(**self.fields()), parameters
        )
