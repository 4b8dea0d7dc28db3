"""One set of parameters for all tasks."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from simulations.systems.fitted import About, Fitted
from simulations.systems.least_squares import least_squares
from simulations.systems.system import System
from theory.tasks import TaskStatistics


class Pooled(System):
    """Least squares for the rows of all tasks together; parameters of least norm.

        ½ Σ_i α_i‖X_iw − y_i‖².

    With `fit_intercept` every task has an intercept of its own. It is scikit-learn's
    `LinearRegression` with `α_i` as weights of the rows.

    Args:
        fit_intercept: Centre each task first.

    Source: normal equations.
    """

    about = About(
        objective="½ Σ α_i‖X_iw − y_i‖²",
        convex=True,
        certificate="residual of the normal equations",
        reduces_to="–",
        use="tasks differ by an intercept at most",
        source="least squares",
    )

    def __init__(self, *, fit_intercept: bool = False) -> None:
        self.fit_intercept = fit_intercept

    def _solve(self, statistics: TaskStatistics, weights: Float[Array, " k"]) -> Fitted:
        def pooled(field: Float[Array, "k *n"]) -> Float[Array, "1 *n"]:
            return jnp.tensordot(weights, field, 1)[None]

        found = least_squares(
            TaskStatistics(
                gram=pooled(statistics.gram),
                moment=pooled(statistics.moment),
                energy=pooled(statistics.energy),
                samples=jnp.sum(jnp.where(weights > 0, statistics.samples, 0))[None],
            )
        )
        coef = jnp.repeat(found.parameters, statistics.count, axis=0)
        return Fitted(coef, 0.0, found.lower_bound, "one system")
