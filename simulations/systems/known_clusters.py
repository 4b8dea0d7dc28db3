"""Tasks in clusters that are given."""

from collections.abc import Sequence

from simulations.systems.fitted import About
from simulations.systems.penalised import PenalisedSystem
from theory.penalised import ties


class KnownClusters(PenalisedSystem):
    """Every task is tied to the mean of its cluster, and clusters to their mean.

        … + ½[ε_M k‖w̄‖² + ε_B Σ_c k_c‖w̄_c − w̄‖² + ε_W Σ_c Σ_{i∈c}‖w_i − w̄_c‖²].

    One cluster is `MeanRegularised(ε_W, ε_M)`, and `k` of them are
    `MeanRegularised(ε_B, ε_M)`. Equal strengths are scikit-learn's `Ridge` per task.

    Args:
        assignment: The cluster of every task, integers `≥ 0`.
        mean: `ε_M ≥ 0`, in units of `Σ_rows x²`.
        between: `ε_B ≥ 0`.
        within: `ε_W ≥ 0`.
        fit_intercept: Centre each task first.

    Source: Jacob, Bach and Vert 2008.
    """

    form = ties.KnownClusters
    about = About(
        objective="… + ½[ε_M k‖w̄‖² + ε_B Σ_c k_c‖w̄_c − w̄‖² + ε_W Σ‖w_i − w̄_c‖²]",
        convex=True,
        certificate="residual of the linear system",
        reduces_to="one cluster: MeanRegularised(ε_W, ε_M)",
        use="it is known which tasks form groups",
        source="Jacob et al. 2008",
    )

    def __init__(
        self,
        assignment: Sequence[int],
        mean: float = 0.0,
        between: float = 1.0,
        within: float = 1.0,
        *,
        fit_intercept: bool = False,
    ) -> None:
        self.assignment = assignment
        self.mean = mean
        self.between = between
        self.within = within
        self.fit_intercept = fit_intercept
