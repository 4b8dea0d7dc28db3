"""Hard parameter sharing: one module for all tasks, a head for each."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from simulations.systems.fitted import About, Fitted
from simulations.systems.system import System
from theory.linear.optimum import shared_optimum
from theory.linear.result import GAP
from theory.tasks import TaskStatistics


class HardSharing(System):
    """Parameters `w_i = BA_i` with a module `B` (d x r) that all tasks share.

        ½ Σ_i α_i‖X_iBA_i − y_i‖².

    Not convex; `theory.linear.shared_optimum` chooses the route. Its brackets count as
    closed at 1e-9 of the energy that is explained, and `tolerance_` follows it. Where
    rounding in statistics may hide a direction, as for tasks with fewer rows than
    inputs, the bracket stays open.

    Args:
        width: `r ≥ 1`.
        fit_intercept: Centre each task first.

    Source: W eq 2 and 3.
    """

    about = About(
        objective="½ Σ α_i‖X_iBA_i − y_i‖², B is d × r",
        convex=False,
        certificate="that of `theory.linear.shared_optimum`, where a route has one",
        reduces_to="Independent if r ≥ min(k, d)",
        use="parameters lie in a space of r dimensions, and r is known",
        source="W eq 2 and 3",
    )

    def __init__(self, width: int = 1, *, fit_intercept: bool = False) -> None:
        self.width = width
        self.fit_intercept = fit_intercept

    def _solve(self, statistics: TaskStatistics, weights: Float[Array, " k"]) -> Fitted:
        found = shared_optimum(statistics, self.width, weights)
        explained = jnp.sum(weights * statistics.energy) - found.loss
        return Fitted(
            coef=found.parameters,
            penalty=0.0,
            lower_bound=found.lower_bound / 2,
            route=found.route,
            tolerance=float(GAP * jnp.maximum(explained, 0) / 2),
        )
