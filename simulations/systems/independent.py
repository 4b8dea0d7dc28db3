"""Every task alone, by least squares."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from simulations.systems.fitted import About, Fitted
from simulations.systems.least_squares import least_squares
from simulations.systems.system import System
from theory.tasks import TaskStatistics


class Independent(System):
    """Least squares for every task alone; the parameters of least norm.

        ½ Σ_i α_i‖X_iw_i − y_i‖².

    The weights do not change the parameters: a task of weight 0 is fitted too. It is
    scikit-learn's `LinearRegression` on each task.

    Args:
        fit_intercept: Centre each task first.

    Source: W §2.1; normal equations.
    """

    about = About(
        objective="½ Σ α_i‖X_iw_i − y_i‖²",
        convex=True,
        certificate="residual of the normal equations",
        reduces_to="–",
        use="tasks have many rows, or nothing in common",
        source="W §2.1",
    )

    def __init__(self, *, fit_intercept: bool = False) -> None:
        self.fit_intercept = fit_intercept

    def _solve(self, statistics: TaskStatistics, weights: Float[Array, " k"]) -> Fitted:
        count = range(statistics.count)
        found = [least_squares(statistics.select([task])) for task in count]
        bounds = jnp.stack([own.lower_bound for own in found])
        return Fitted(
            coef=jnp.concatenate([own.parameters for own in found]),
            penalty=0.0,
            lower_bound=jnp.sum(weights * bounds),
            route="one system per task",
        )
